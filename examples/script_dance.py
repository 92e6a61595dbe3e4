# SPDX-License-Identifier: GPL-3.0-or-later
"""A song to a dance, a picture and a game-engine file, by the functions under the add-on's buttons (docs/api.md).

python examples/script_dance.py SONG OUT                          with the bpy package
blender -b --python examples/script_dance.py -- SONG OUT          inside Blender, with the add-on enabled
"""

import argparse
import sys
from pathlib import Path

import bpy

try:
    from bl_ext.user_default.avanim.avanim_addon import api
except ImportError:
    from avanim.avanim_addon import api


def main() -> None:
    parser = argparse.ArgumentParser(description="A song to a dance, a picture and a game-engine file.")
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=Path, help="a folder")
    parser.add_argument("--seconds", type=float, default=10.0)
    # Blender leaves what follows "--" to its scripts.
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    wishes = parser.parse_args(words)
    song, out, seconds = wishes.song, wishes.out, wishes.seconds

    bpy.ops.wm.read_homefile(use_empty=True)
    armature = api.add_character("neutral")
    beats = api.find_beats(song)
    action = api.generate_dance(song, armature, seconds=seconds, seed=7, fps=30)
    api.add_studio(armature)
    api.render(out / "dance.png", size=(320, 180), frame=20)
    api.export(out / "dance.fbx", "unreal", armature=armature)
    print(f"{action.name}: {action['avanim_frames']} frames, {beats.bpm:.0f} beats a minute, in {out}")


if __name__ == "__main__":
    main()
