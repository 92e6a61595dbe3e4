# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of the arms, and stylings: patterns of poses that can replace the arms of any move."""

from __future__ import annotations

from typing import NamedTuple


class Pose(NamedTuple):
    """One arm, seen from its own side, in the chest's frame.

    `hand` the wrist from the shoulder in arm lengths: outward, up, forward · `elbow` the direction in which the elbow
    points · `palm` rad by which the forearm is turned, 0 thumb forward on a hanging arm, > 0 palm to the back · `wrist`
    rad by which the hand is bent, > 0 to its palm.
    """

    hand: tuple[float, float, float]
    elbow: tuple[float, float, float]
    palm: float = 0.0
    wrist: float = 0.1


POSES: dict[str, Pose] = {
    "hang": Pose((0.17, -0.94, 0.10), (0.5, 0.0, -1.0), 0.0, 0.2),
    "loose": Pose((0.24, -0.74, 0.34), (0.6, -0.2, -1.0), 0.2, 0.2),
    "bent": Pose((0.15, -0.48, 0.56), (0.6, -0.7, -0.7), 0.0, 0.1),
    "guard": Pose((-0.06, -0.12, 0.55), (0.8, -1.0, -0.1), 0.0, 0.1),
    "chest": Pose((-0.13, -0.16, 0.46), (1.0, -0.5, 0.1), 0.8, 0.0),
    "clap": Pose((-0.19, -0.16, 0.68), (0.8, -1.0, 0.0), -0.3, -0.1),
    "clap_up": Pose((-0.19, 0.42, 0.62), (1.0, -0.5, 0.3), -0.3, -0.1),
    "clap_side": Pose((-0.05, -0.1, 0.72), (0.8, -1.0, 0.0), -0.3, -0.1),
    "out": Pose((0.95, 0.02, 0.15), (0.0, -0.5, -1.0), 0.0, 0.0),
    "wide": Pose((0.76, -0.28, 0.34), (0.3, -0.8, -0.8), 0.2, -0.2),
    "open": Pose((0.80, 0.25, 0.35), (0.2, -1.0, -0.6), -0.6, -0.2),
    "curl": Pose((0.52, 0.44, 0.26), (0.9, -0.6, -0.2), 0.0, 0.2),
    "high": Pose((0.22, 0.92, 0.14), (0.9, 0.0, -0.5), 0.2, -0.1),
    "vee": Pose((0.55, 0.78, 0.16), (0.6, -0.3, -0.7), -0.2, -0.1),
    "point_up": Pose((0.62, 0.72, 0.20), (0.3, -0.5, -1.0), 0.0, 0.0),
    "point_down": Pose((-0.40, -0.62, 0.58), (0.9, -0.2, -0.4), 0.4, 0.0),
    "point_front": Pose((0.05, 0.06, 0.95), (0.8, -0.8, 0.0), 0.6, 0.0),
    "hip": Pose((0.16, -0.66, 0.10), (1.0, -0.1, -0.6), 0.9, 0.5),
    "front": Pose((0.05, -0.02, 0.95), (0.7, -1.0, 0.0), 0.6, 0.0),
    "low_front": Pose((0.08, -0.50, 0.76), (0.7, -0.6, -0.5), 0.3, 0.0),
    "cross": Pose((-0.26, -0.36, 0.66), (0.8, -0.7, 0.0), 0.4, 0.0),
    "back": Pose((0.28, -0.78, -0.38), (0.5, 0.2, -1.0), 0.2, 0.3),
    "low_back": Pose((0.55, -0.64, -0.32), (0.4, 0.2, -1.0), 0.2, -0.4),
    "head": Pose((0.02, 0.40, 0.18), (1.0, 0.2, 0.4), 0.4, 0.3),
    "frame": Pose((0.60, -0.04, 0.54), (0.7, -0.6, -0.5), 0.3, 0.0),
    "hold": Pose((0.74, 0.08, 0.46), (0.5, -0.6, -0.7), 0.2, 0.0),
    "hold_out": Pose((0.68, -0.08, 0.50), (0.6, -0.4, -0.7), 0.4, 0.0),
    "hold_low": Pose((0.52, -0.10, 0.56), (0.8, -0.3, -0.5), 0.5, 0.0),
    "lift": Pose((0.66, 0.52, 0.32), (0.4, -0.5, -0.8), -0.2, -0.2),
    "sweep": Pose((0.44, -0.22, 0.74), (0.6, -0.6, -0.4), 0.2, -0.2),
    "latin_wide": Pose((0.62, -0.22, 0.52), (0.6, -0.5, -0.6), 0.4, -0.1),
    "latin": Pose((0.30, -0.34, 0.58), (0.8, -0.5, -0.5), 0.5, 0.0),
    "latin_low": Pose((0.36, -0.46, 0.40), (0.8, -0.5, -0.6), 0.4, 0.0),
    "latin_out": Pose((0.86, 0.08, 0.30), (0.3, -0.7, -0.7), 0.3, -0.3),
    "wave_low": Pose((0.70, -0.45, 0.30), (0.4, 0.6, -0.8), 0.2, 0.4),
    "wave_elbow": Pose((0.62, -0.20, 0.42), (0.6, 0.9, -0.3), 0.4, 0.8),
    "wave_high": Pose((0.72, 0.42, 0.28), (0.5, -0.9, -0.3), 0.0, -0.6),
    "pull": Pose((0.20, -0.40, 0.22), (0.4, -0.2, -1.0), 0.0, 0.0),
    "pump": Pose((0.16, 0.26, 0.52), (0.9, -0.7, 0.1), 0.0, 0.0),
    "tuck": Pose((0.10, -0.22, 0.38), (0.7, -0.7, -0.6), 0.0, 0.1),
    "wing": Pose((0.36, -0.30, 0.28), (1.0, 0.05, -0.3), 0.6, 0.1),
    "roll_high": Pose((-0.12, 0.04, 0.62), (1.0, -0.4, 0.0), 0.6, 0.0),
    "roll_low": Pose((-0.12, -0.32, 0.56), (1.0, -0.4, 0.0), 0.6, 0.0),
    "roll_in": Pose((-0.10, -0.14, 0.44), (1.0, -0.4, 0.0), 0.6, 0.0),
    "roll_out": Pose((-0.12, -0.14, 0.80), (1.0, -0.4, 0.0), 0.6, 0.0),
    "lamp": Pose((0.42, 0.66, 0.30), (1.0, -0.2, 0.2), 0.3, -0.7),
    "lamp_wide": Pose((0.62, 0.58, 0.28), (0.8, -0.5, 0.0), -0.3, -0.7),
    "namaste": Pose((-0.20, -0.14, 0.44), (1.0, -0.5, 0.1), 0.0, -0.9),
    "mudra_front": Pose((0.10, -0.02, 0.80), (1.0, -0.3, 0.0), 0.5, -0.9),
    "mudra_side": Pose((0.90, 0.06, 0.28), (0.3, -0.3, -0.9), 0.3, -0.9),
    "shoulder": Pose((0.22, 0.10, 0.24), (1.0, -0.2, 0.3), 0.6, 0.4),
    "snap": Pose((0.30, -0.26, 0.50), (0.8, -0.8, -0.3), -0.2, -0.3),
    "snap_down": Pose((0.34, -0.46, 0.44), (0.8, -0.7, -0.4), -0.2, 0.3),
    "cabbage": Pose((0.16, -0.02, 0.80), (0.9, -0.6, 0.0), 0.8, 0.1),
    "cabbage_in": Pose((-0.10, -0.20, 0.42), (1.0, -0.4, -0.1), 0.8, 0.2),
    "rein_up": Pose((0.10, -0.06, 0.62), (0.8, -0.8, -0.1), 0.6, 0.2),
    "rein_down": Pose((0.10, -0.40, 0.58), (0.8, -0.6, -0.4), 0.6, -0.2),
    "flap_up": Pose((0.82, 0.36, 0.16), (0.2, 0.6, -0.8), 0.4, 0.5),
    "flap_down": Pose((0.78, -0.42, 0.20), (0.3, -0.5, -0.9), 0.2, -0.5),
    "point_low": Pose((0.40, -0.80, 0.30), (0.4, -0.2, -1.0), 0.2, 0.0),
    "knees_crossed": Pose((-0.22, -0.66, 0.66), (0.9, -0.3, -0.4), 0.4, 0.1),
    "jazz": Pose((0.62, 0.12, 0.48), (0.5, -0.9, -0.3), -0.9, -0.7),
}

# Beats of the pattern, and poses by beat: of both arms, or (left, right).
STYLINGS: dict[str, tuple[int, dict[float, str | tuple[str, str]]]] = {
    "hang": (4, {0: "hang"}),
    "swing": (4, {0: "bent"}),
    "clap": (4, {0: "open", 1: "clap", 2: "open", 3: "clap"}),
    "clap_up": (4, {0: "curl", 1: "clap_up", 2: "curl", 3: "clap_up"}),
    "hips": (4, {0: "hip"}),
    "up": (4, {0: "vee", 1: "curl", 2: "vee", 3: "curl"}),
    "sway_up": (4, {0: ("vee", "high"), 2: ("high", "vee")}),
    "pump": (4, {0: ("pump", "pull"), 1: ("pull", "pump"), 2: ("pump", "pull"), 3: ("pull", "pump")}),
    "roll": (1, {0: ("roll_high", "roll_low"), 0.25: ("roll_out", "roll_in"), 0.5: ("roll_low", "roll_high"),
                 0.75: ("roll_in", "roll_out")}),
    "point": (4, {0: ("hip", "point_down"), 1: ("hip", "point_up"), 2: ("hip", "point_down"), 3: ("hip", "point_up")}),
    "wave": (4, {0: ("wave_low", "wave_high"), 1: ("wave_elbow", "out"), 2: ("wave_high", "wave_low"),
                 3: ("out", "wave_elbow")}),
    "latin": (4, {0: ("latin", "latin_out"), 1: ("latin_out", "latin"), 2: ("latin", "latin_out"),
                  3: ("latin_out", "latin")}),
    "frame": (3, {0: "frame"}),
    "snaps": (4, {0: "loose", 1: ("snap", "snap_down"), 2: "loose", 3: ("snap_down", "snap")}),
    "guard": (2, {0: ("guard", "tuck"), 1: ("tuck", "guard")}),
    "bhangra": (4, {0: "lamp", 1: "lamp_wide", 2: "lamp", 3: "lamp_wide"}),
    "head": (4, {0: ("head", "hip"), 2: ("hip", "head")}),
    "flow": (4, {0: ("open", "low_back"), 2: ("low_back", "open")}),
}  # fmt: skip
