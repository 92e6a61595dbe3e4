# SPDX-License-Identifier: GPL-3.0-or-later
"""One dance on a rig of every convention: how far limbs are off, how feet stand, how long it takes.

    python benchmarks/retarget.py [MOTION.npz]

Without a file it makes 12 s of the choreographer's dance to a song of our own. Each rig hangs its arms by 45°, has
random bone rolls, and is built twice: in the dancer's own proportions at 1.2 of the size ("alike"), and with legs 12 %
longer and arms 10 % shorter ("other"). A second table has one rig in stranger builds, for the average dancer and for
the neutral character, whose hips are half as wide again. Prints both as docs/retargeting.md has them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from avanim.rigs import characters
from avanim.rigs.average import average_rest
from avanim.rigs.bone_mapping import BoneMap, recognised
from avanim.rigs.conventions import conventions
from avanim.rigs.feet import plant_feet
from avanim.rigs.motion import Motion
from avanim.rigs.motion_files import load_motion
from avanim.rigs.retarget import Carried, Wishes, retarget
from avanim.rigs.rig_shape import RigShape
from avanim.rigs.rotation import axis_angle_from_matrix
from avanim.rigs.sample_rig import sample_rig
from avanim.rigs.skeleton import Rest

AVERAGE = average_rest("smpl24")
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


def angles(motion: Motion, rest: Rest, carried: Carried, bones: BoneMap) -> dict[str, np.ndarray]:
    """By limb the angles (2 T,) in degrees between the source's directions and the rig's; feet by how they turn."""
    places, turned = rest.forward(motion.poses, motion.trans)
    found: dict[str, list[np.ndarray]] = {}
    for side in ("left", "right"):
        for first, second in LIMBS:
            start, end = f"{side}_{first}", f"{side}_{second}"
            theirs = places[:, rest.skeleton.index(end)] - places[:, rest.skeleton.index(start)]
            ours = carried.places[bones.bones[end]] - carried.places[bones.bones[start]]
            sine, cosine = np.linalg.norm(np.cross(ours, theirs), axis=-1), (ours * theirs).sum(-1)
            kind = "arms" if first in ("shoulder", "elbow") else "legs"
            found.setdefault(kind, []).append(np.degrees(np.arctan2(sine, cosine)))
        role = f"{side}_ankle"
        off = np.swapaxes(turned[:, rest.skeleton.index(role)], 1, 2) @ carried.turns[bones.bones[role]]
        # A sole that lies flat in both may point elsewhere at rest.
        off = np.swapaxes(off[:1], 1, 2) @ off
        found.setdefault("feet", []).append(np.degrees(np.linalg.norm(axis_angle_from_matrix(off), axis=-1)))
    return {kind: np.concatenate(some) for kind, some in found.items()}


def measured(motion: Motion, rest: Rest, shape: RigShape) -> str:
    """One row's figures."""
    bones = recognised(shape)
    carried = retarget(motion, shape, bones, Wishes(), rest=rest)
    off = angles(motion, rest, carried, bones)
    minute = replace(
        motion,
        poses=np.resize(motion.poses, (1800, *motion.poses.shape[1:])),
        trans=np.resize(motion.trans, (1800, 3)),
    )
    begin = time.process_time()
    retarget(minute, shape, bones, Wishes(), rest=rest)
    seconds = time.process_time() - begin
    return (
        f"{off['arms'].max():.2f} | {np.percentile(off['legs'], 95):.2f} | {off['legs'].max():.2f} | "
        f"{off['feet'].max():.2f} | {100 * carried.legs.slide(motion.fps):.2f} | {100 * carried.legs.depth:.2f} | "
        f"{seconds:.2f} |"
    )


def main() -> None:
    danced = (load_motion(sys.argv[1]) if len(sys.argv) > 1 else dance()).on("smpl24")
    motion = plant_feet(danced, AVERAGE)
    # The processor's time, which does not depend on what else the machine does.
    columns = "arms max ° | legs 95 % ° | legs max ° | feet max ° | slide cm/s | depth cm | minute s |"
    print(f"| convention | bones | build | {columns}\n{'| --- ' * 10}|")
    for name, convention in conventions().items():
        alike = sample_rig(name, drop=45, swing=10, height=1.2)
        other = sample_rig(name, drop=45, swing=10, legs=1.12, arms=0.9)
        for build, shape in (("alike", alike), ("other", other)):
            row = measured(motion, AVERAGE, shape)
            print(f"| {convention.label} | {len(shape)} | {build} | {row}", flush=True)
    print(f"\n| dancer | legs | thigh : shin | {columns}\n{'| --- ' * 10}|")
    neutral = characters.load_body(characters.FOLDER / "SMPL_NEUTRAL.npz").rest()
    for dancer, rest in (("average", AVERAGE), ("neutral", neutral)):
        planted = plant_feet(danced, rest)
        for legs, shins in ((1.0, 1.0), (1.15, 1.0), (0.85, 1.0), (1.0, 1.1), (1.0, 1.2), (1.0, 0.85)):
            shape = sample_rig("mixamo", drop=45, swing=10, legs=legs, shins=shins)
            hip, knee, ankle = (shape.heads[shape.index(bone)] for bone in ("LeftUpLeg", "LeftLeg", "LeftFoot"))
            ratio = np.linalg.norm(knee - hip) / np.linalg.norm(ankle - knee)
            print(f"| {dancer} | {legs:.2f} | {ratio:.2f} | {measured(planted, rest, shape)}", flush=True)


if __name__ == "__main__":
    main()
