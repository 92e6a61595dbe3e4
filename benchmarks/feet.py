# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure `fit_positions` and `plant_feet` on recorded dances, and draw the picture of docs/motion.md.

    python benchmarks/feet.py [--data DIR] [--picture docs/pictures/feet.png]

DIR holds dance/cmu_dance_smpl24_30fps.npz (default: AVANIM_DATA, or shared/data beside the checkout). Each clip gets
1 cm of noise on its joints, as a network's output has, is fitted, and planted. Prints one JSON object of means.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from avanim.rigs.feet import contacts, ground, plant_feet, sole_points
from avanim.rigs.fit import fit_positions
from avanim.rigs.motion import Motion
from avanim.rigs.motion_metrics import contact_speed, measure
from avanim.rigs.skeleton import Rest

ROOT = Path(__file__).parents[1]


def draw(before: Motion, after: Motion, rest: Rest, path: Path) -> None:
    """Foot speed and height over four seconds; needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    frames = slice(100, 220)
    seconds = np.arange(len(before))[frames] / before.fps
    standing = contacts(before, rest)[frames, 1]
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 4.6), sharex=True)
    for motion, name, color in ((before, "fitted", "0.6"), (after, "planted", "tab:blue")):
        ball = sole_points(motion, rest)[:, 0, 1]
        speed = np.linalg.norm(np.gradient(ball[:, [0, 2]], 1 / motion.fps, axis=0), axis=-1)
        top.plot(seconds, speed[frames], color=color, label=name)
        bottom.plot(seconds, 100 * ball[frames, 1], color=color, label=name)
    for axes, label, limits in ((top, "speed over the floor, m/s", (0, 2)), (bottom, "height, cm", (-2, 16))):
        axes.fill_between(seconds, *limits, where=list(standing), color="tab:green", alpha=0.12, lw=0, label="stands")
        axes.set_ylabel(label)
        axes.set_ylim(*limits)
    top.set_title("Ball of the left foot in a salsa whose joints carry 1 cm of noise")
    top.legend(loc="upper right")
    bottom.set_xlabel("s")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("AVANIM_DATA") or ROOT.parent / "shared" / "data")
    )
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    rest, rng = Rest.average(), np.random.default_rng(0)
    data = np.load(arguments.data / "dance" / "cmu_dance_smpl24_30fps.npz")
    clips = sorted({name.split("/")[0] for name in data.files})
    rows = {"fitted": [], "planted": []}
    exact, noisy, spent, frames = [], [], 0.0, 0
    for clip in clips:
        poses = data[f"{clip}/poses"].astype(float).reshape(-1, 24, 3)
        joints = rest.forward(poses, data[f"{clip}/trans"].astype(float))[0]
        clean = fit_positions(joints, rest.skeleton.joints, rest, 30.0)
        exact.append(np.linalg.norm(rest.forward(clean.poses, clean.trans)[0] - joints, axis=-1).mean())
        start = time.process_time()
        fitted = fit_positions(joints + rng.normal(0, 0.01, joints.shape), rest.skeleton.joints, rest, 30.0)
        planted = plant_feet(fitted, rest)
        spent, frames = spent + time.process_time() - start, frames + len(poses)
        noisy.append(np.linalg.norm(rest.forward(fitted.poses, fitted.trans)[0] - joints, axis=-1).mean())
        fitted = replace(fitted, trans=fitted.trans - [0, ground(fitted, rest), 0])
        mask = contacts(fitted, rest)
        for name, motion in (("fitted", fitted), ("planted", planted)):
            row = measure(motion, rest)
            row["contact_speed_median"] = float(np.median(contact_speed(motion, rest, mask)))
            rows[name].append(row)
        if clip == "salsa_02" and arguments.picture:
            draw(fitted, planted, rest, arguments.picture)
    keys = ("pfc", "fsr", "contact_speed_median", "penetration_p99", "jerk")
    result = {
        name: {key: round(float(np.mean([row[key] for row in table])), 5) for key in keys}
        for name, table in rows.items()
    }
    result["clips"] = len(clips)
    result["fit_error_mm"] = round(1000 * float(np.mean(exact)), 3)
    result["fit_error_mm_with_1_cm_noise"] = round(1000 * float(np.mean(noisy)), 2)
    result["cpu_seconds_per_minute"] = round(spent / frames * 1800, 3)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
