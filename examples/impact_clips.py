# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the clips that the sound of silent shots is learned from: python examples/impact_clips.py DIR [COUNT [FIRST]]

DIR gets COUNT clips to train on (train-0000.npz …) and a quarter as many whose shapes and textures no other clip has
(test-0000.npz …). What is there already stays, so a stopped run goes on. A clip takes about three seconds.
"""

import sys
from pathlib import Path

from avanim.avanim_addon.scene.impact_clips import make_clip


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        wanted = [(folder / f"train-{seed:04}.npz", False)]
        if seed % 4 == 0:
            wanted.append((folder / f"test-{seed // 4:04}.npz", True))
        for path, unseen in wanted:
            if not path.exists():
                print(f"{path.name}: {make_clip(path, seed, unseen=unseen)} hits", file=sys.stderr)


if __name__ == "__main__":
    main()
