# SPDX-License-Identifier: GPL-3.0-or-later
"""One dance on a rig of every convention: how far limbs are off, how feet stand, how long it takes.

    python benchmarks/retarget.py [MOTION.npz]

Without a file it makes 12 s of the choreographer's dance to a song of our own. Each rig hangs its arms by 45°, has
random bone rolls, and is built twice: in the dancer's own proportions at 1.2 of the size ("alike"), and with legs 12 %
longer and arms 10 % shorter ("other"). Prints a table as docs/retargeting.md has it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from avanim.rigs.average import average_rest
from avanim.rigs.bone_mapping import BoneMap, recognised
from avanim.rigs.conventions import conventions
from avanim.rigs.feet import plant_feet
from avanim.rigs.motion import Motion
from avanim.rigs.motion_files import load_motion
from avanim.rigs.retarget import Carried, Wishes, retarget
from avanim.rigs.sample_rig import sample_rig

REST = average_rest("smpl24")
LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))


def dance() -> Motion:
    """Twelve seconds of disco, planted on the average body."""
    from avanim.models import tasks
    from avanim.models.audio import save_wav
    from avanim.models.audio.composer import compose
    from avanim.rigs.job import Job

    with tempfile.TemporaryDirectory() as folder:
        song, out = Path(folder) / "song.wav", Path(folder) / "dance.npz"
        save_wav(compose("disco", bpm=120, bars=5, seed=3, rate=22050).sound, song)
        tasks.run(Job("dance", str(song), {"fps": 30.0, "seed": 1}, str(out)), lambda *_: None)
        return load_motion(out)


def angles(motion: Motion, carried: Carried, bones: BoneMap) -> dict[str, np.ndarray]:
    """By limb the angles (2 T,) in degrees between the source's directions and the rig's."""
    places, _ = REST.forward(motion.poses, motion.trans)
    found: dict[str, list[np.ndarray]] = {}
    for side in ("left", "right"):
        for first, second in LIMBS:
            start, end = f"{side}_{first}", f"{side}_{second}"
            theirs = places[:, REST.skeleton.index(end)] - places[:, REST.skeleton.index(start)]
            ours = carried.places[bones.bones[end]] - carried.places[bones.bones[start]]
            cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
            kind = "arms" if first in ("shoulder", "elbow") else "legs"
            found.setdefault(kind, []).append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return {kind: np.concatenate(some) for kind, some in found.items()}


def main() -> None:
    motion = load_motion(sys.argv[1]) if len(sys.argv) > 1 else dance()
    motion = plant_feet(motion.on("smpl24"), REST)
    minute = replace(
        motion,
        poses=np.resize(motion.poses, (1800, *motion.poses.shape[1:])),
        trans=np.resize(motion.trans, (1800, 3)),
    )
    # The processor's time, which does not depend on what else the machine does.
    print("| convention | bones | build | arms max ° | legs 95 % ° | legs max ° | slide cm/s | depth cm | minute s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, convention in conventions().items():
        alike = sample_rig(name, drop=45, swing=10, height=1.2)
        other = sample_rig(name, drop=45, swing=10, legs=1.12, arms=0.9)
        for build, shape in (("alike", alike), ("other", other)):
            bones = recognised(shape)
            carried = retarget(motion, shape, bones, Wishes(), rest=REST)
            begin = time.process_time()
            retarget(minute, shape, bones, Wishes(), rest=REST)
            seconds = time.process_time() - begin
            off = angles(motion, carried, bones)
            print(
                f"| {convention.label} | {len(shape)} | {build} | {off['arms'].max():.2f} | "
                f"{np.percentile(off['legs'], 95):.2f} | {off['legs'].max():.2f} | "
                f"{100 * carried.legs.slide(motion.fps):.2f} | {100 * carried.legs.depth:.2f} | {seconds:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
