# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the clips that the sound of silent shots is learned from:

    python examples/impact_clips.py DIR [COUNT [FIRST]] [--hard N] [--quiet N]

DIR gets COUNT clips to train on (train-0000.npz …) and a quarter as many whose shapes and textures no other clip has
(test-0000.npz …); N more to train on of the materials that are told apart worst (train-hard-0000.npz …); and N in
which things move and nothing touches, people among them (quiet-train-0000.npz …), with a quarter as many to test by,
of another person (quiet-test-0000.npz …). What is there already stays, so a stopped run goes on. A clip takes three to
ten seconds.
"""

import argparse
import sys
from pathlib import Path

from avanim.avanim_addon.scene.impact_clips import make_clip

HARD = ("steel", "stone", "glass", "ceramic", "steel", "stone", "plastic")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("count", type=int, nargs="?", default=400)
    asked.add_argument("first", type=int, nargs="?", default=0)
    asked.add_argument("--hard", type=int, default=0)
    asked.add_argument("--quiet", type=int, default=0)
    words = asked.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)

    def make(name: str, maker, seed: int, **how) -> None:
        path = words.folder / name
        if not path.exists():
            print(f"{name}: {maker(path, seed, **how)} hits", file=sys.stderr)

    for seed in range(words.first, words.first + words.count):
        make(f"train-{seed:04}.npz", make_clip, seed, unseen=False)
        if seed % 4 == 0:
            make(f"test-{seed // 4:04}.npz", make_clip, seed, unseen=True)
    for number in range(words.hard):
        make(f"train-hard-{number:04}.npz", make_clip, 100_000 + number, material=HARD[number % len(HARD)])
    if words.quiet:
        from avanim.avanim_addon.scene.impact_quiet import make_quiet_clip

        for number in range(words.quiet):
            make(f"quiet-train-{number:04}.npz", make_quiet_clip, number, unseen=False)
            if number % 4 == 0:
                make(f"quiet-test-{number // 4:04}.npz", make_quiet_clip, number, unseen=True)


if __name__ == "__main__":
    main()
