# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions to joint rotations on a given body.

Everything is analytic and runs on all frames at once. Bone directions give each joint's swing; what they leave open,
the twist about a bone, comes from the hinge plane of the next joint, and where a limb is straight from the neighbours
in time, so that a twist can neither flip nor wind up.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solveh_banded
from scipy.signal import savgol_filter

from .contacts import turn as _turn
from .contacts import unit
from .errors import InputError
from .motion import Motion
from .rotation import axis_angle_from_matrix, matrix_from_axis_angle, shortest_arc
from .skeleton import Rest

Array = NDArray[np.float64]

REQUIRED = tuple(
    f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)
_HEIGHT_AXIS = np.array([0.0, 1.0, 0.0])
# The axis in the rest pose about which the joint flexes, by the right-hand rule (T-pose, palms down).
HINGES = {
    "left_knee": np.array([1.0, 0, 0]),
    "right_knee": np.array([1.0, 0, 0]),
    "left_elbow": np.array([0, -1.0, 0]),
    "right_elbow": np.array([0, 1.0, 0]),
}
_FLEXION_LIMIT = {"knee": np.deg2rad(160), "elbow": np.deg2rad(155)}
_SIDEWAYS_LIMIT = np.deg2rad(20)
_TWIST_LIMIT = {"knee": np.deg2rad(80), "elbow": np.deg2rad(110)}


def _dot(a: Array, b: Array) -> Array:
    return (a * b).sum(-1)


def _across(vectors: Array, axis: Array) -> Array:
    """The part of `vectors` at right angles to the unit `axis`."""
    return vectors - _dot(vectors, axis)[..., None] * axis


def _smoothstep(values: Array, low: float, high: float) -> Array:
    x = np.clip((values - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def _frame(side: Array, up: Array) -> Array:
    """(…, 3, 3) with columns left, up, forward; `side` is kept, `up` is made square to it."""
    x = unit(side)
    y = unit(_across(up, x))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _aligned(side0: Array, up0: Array, side: Array, up: Array) -> Array:
    """The rotation that carries the rest pair (side0, up0) onto (side, up)."""
    return _frame(side, up) @ _frame(side0, up0).T


def _angle_about(axis: Array, source: Array, target: Array) -> Array:
    """Signed angle (rad) from `source` to `target` about the unit `axis`, seen along it."""
    a, b = _across(source, axis), _across(target, axis)
    return np.arctan2(_dot(axis, np.cross(a, b)), _dot(a, b))


def _steady_angle(angles: list[Array], weights: list[Array], prior: float, limit: float, fps: float) -> Array:
    """One angle per frame from several kinds of evidence, smooth in time.

    Least squares on unit complex numbers z (so that nothing wraps): sum of weight |z - exp(i angle)|^2, plus
    prior |z - 1|^2, plus a stiffness on the change from frame to frame; a tridiagonal system.
    """
    count = len(angles[0])
    stiffness = 2.0 * (fps / 30.0) ** 2
    diagonal = prior + np.sum(weights, axis=0)
    right = prior + np.sum([w * np.exp(1j * angle) for w, angle in zip(weights, angles, strict=True)], axis=0)
    if count > 1:
        diagonal = diagonal + stiffness * np.where((np.arange(count) == 0) | (np.arange(count) == count - 1), 1, 2)
        bands = np.stack([np.full(count, -stiffness), diagonal])
        z = solveh_banded(bands, np.stack([right.real, right.imag], axis=1)) @ np.array([1, 1j])
    else:
        z = right / diagonal
    angle = np.unwrap(np.angle(z))
    angle -= 2 * np.pi * np.round(np.median(angle) / (2 * np.pi))
    return np.clip(angle, -limit, limit)


def _chain(start: Array, targets: list[Array], lengths: list[float]) -> list[Array]:
    """Unit bone directions of a chain from `start` whose joints lie nearest (least squares) to `targets`.

    Block coordinate descent: with the other bones held, the best direction of one bone is a normalised sum.
    """
    points = [start, *targets]
    directions = [unit(b - a) for a, b in pairwise(points)]
    for _ in range(4):
        for bone in range(len(lengths)):
            reach = start
            pull = np.zeros_like(start)
            for joint, (direction, length) in enumerate(zip(directions, lengths, strict=True)):
                if joint != bone:
                    reach = reach + length * direction
                if joint >= bone:
                    pull = pull + targets[joint] - reach
            directions[bone] = unit(pull)
    return directions


def _hinge_evidence(u: Array, v: Array, a: Array, b: Array, hinge: Array) -> tuple[Array, Array]:
    """The world direction of the flexion axis that explains bone directions u, v, and the trust in it (0..1).

    The axis n keeps its angles to both bones: n.u = hinge.a and n.v = hinge.b. Of the two solutions, the one on the
    side of u x v is flexion.
    """
    cosine = _dot(u, v)
    normal = np.cross(u, v)
    sine2 = np.maximum(_dot(normal, normal), 1e-9)
    to_u, to_v = float(hinge @ a), float(hinge @ b)
    alpha = (to_u - to_v * cosine) / sine2
    beta = (to_v - to_u * cosine) / sine2
    rest = 1 - (alpha**2 + beta**2 + 2 * alpha * beta * cosine)
    gamma = np.sqrt(np.maximum(rest, 0) / sine2)
    axis = alpha[:, None] * u + beta[:, None] * v + gamma[:, None] * normal
    return axis, _smoothstep(np.sqrt(sine2), 0.15, 0.5) * _smoothstep(rest, 0.0, 0.5)


def flexion(upper: Array, lower: Array, axis: Array) -> tuple[Array, Array]:
    """Angles (rad) of the bone direction `lower` seen from the bone direction `upper` of a hinge about `axis`.

    All (…, 3) unit vectors. Returns the flexion (0 when straight, negative when bent backwards) and the sideways angle.
    """
    along = unit(_across(upper, axis))
    angle = np.arctan2(_dot(lower, np.cross(axis, along)), _dot(lower, along))
    return angle, np.arcsin(np.clip(_dot(lower, axis), -1, 1))


def _bent(upper: Array, axis: Array, angle: Array, sideways: Array) -> Array:
    along = unit(_across(upper, axis))
    flat = np.cos(angle)[..., None] * along + np.sin(angle)[..., None] * np.cross(axis, along)
    return np.cos(sideways)[..., None] * flat + np.sin(sideways)[..., None] * axis


def _limb(
    parent: Array,
    u: Array,
    v: Array,
    a: Array,
    b: Array,
    lengths: tuple[float, float],
    joint: str,
    evidence: list[tuple[Array, Array]],
    fps: float,
) -> tuple[Array, Array]:
    """Global rotations of the upper and the lower bone of an arm or leg with bone directions u, v (rest: a, b).

    `evidence` lists further flexion axes with their weights, for frames in which the limb is straight.
    """
    hinge, kind = HINGES[joint], joint.split("_")[1]
    swing = shortest_arc(_turn(parent, a), u) @ parent
    axis, trust = _hinge_evidence(u, v, a, b, hinge)
    guesses = [(axis, trust)] + [(other, weight * (1 - trust)) for other, weight in evidence]
    angles = [_angle_about(u, _turn(swing, hinge), guess) for guess, _ in guesses]
    twist = _steady_angle(angles, [weight for _, weight in guesses], 0.02, _TWIST_LIMIT[kind], fps)
    upper = matrix_from_axis_angle(u * twist[:, None]) @ swing

    bend, sideways = flexion(u, v, _turn(upper, hinge))
    # A rounded lower limit at a straight limb keeps the knee's speed continuous where the input bends backwards.
    bend = np.minimum(0.5 * (bend + np.hypot(bend, np.deg2rad(2))), _FLEXION_LIMIT[kind])
    neutral = np.arcsin(float(hinge @ b))
    sideways = np.clip(sideways, neutral - _SIDEWAYS_LIMIT, neutral + _SIDEWAYS_LIMIT)
    new_v = _bent(u, _turn(upper, hinge), bend, sideways)
    aim = shortest_arc(lengths[0] * u + lengths[1] * new_v, lengths[0] * u + lengths[1] * v)
    upper = aim @ upper
    return upper, shortest_arc(_turn(upper, b), _turn(aim, new_v)) @ upper


def _foot(shin: Array, toe: Array, v: Array, toe0: Array, b: Array, height: Array) -> Array:
    """Global rotation of a foot whose ball lies in direction `toe`.

    Its roll cannot be seen from one point: near the floor the sole is kept level, in the air square to the shin.
    """
    swing = shortest_arc(_turn(shin, toe0), toe) @ shin
    sole = _turn(swing, _HEIGHT_AXIS)
    clear = _smoothstep(np.linalg.norm(np.cross(toe, v), axis=-1), 0.2, 0.6)
    upright = _smoothstep(np.linalg.norm(np.cross(toe, _HEIGHT_AXIS), axis=-1), 0.2, 0.6)
    shin_roll = clear * np.clip(_angle_about(toe, sole, -v) - _angle_about(toe0, _HEIGHT_AXIS, -b), -0.6, 0.6)
    floor_roll = upright * np.clip(_angle_about(toe, sole, np.broadcast_to(_HEIGHT_AXIS, sole.shape)), -0.6, 0.6)
    near = 1 - _smoothstep(height, 0.03, 0.15)
    roll = near * floor_roll + (1 - near) * shin_roll
    return matrix_from_axis_angle(toe * roll[:, None]) @ swing


def _completed(points: dict[str, Array], rest0: dict[str, Array]) -> dict[str, Array]:
    """Add a guess for each missing torso joint, placed as in the rest pose between the hips and the shoulders."""
    points = dict(points)

    def middle(joints: dict[str, Array], part: str) -> Array:
        return (joints[f"left_{part}"] + joints[f"right_{part}"]) / 2

    hips, hips0 = middle(points, "hip"), middle(rest0, "hip")
    up, up0 = middle(points, "shoulder") - hips, middle(rest0, "shoulder") - hips0
    low, low0 = unit(points["left_hip"] - points["right_hip"]), unit(rest0["left_hip"] - rest0["right_hip"])
    high = unit(points["left_shoulder"] - points["right_shoulder"])
    high0 = unit(rest0["left_shoulder"] - rest0["right_shoulder"])
    size = float(np.median(np.linalg.norm(up, axis=-1)) / np.linalg.norm(up0))
    share = {
        "pelvis": 0.0,
        "spine1": 0.25,
        "spine2": 0.5,
        "spine3": 0.75,
        "neck": 1.0,
        "left_collar": 1,
        "right_collar": 1,
    }
    for name, part in share.items():
        if name not in points:
            turn = _aligned(unit(low0 + part * (high0 - low0)), up0, unit(low + part * (high - low)), up)
            points[name] = hips + size * _turn(turn, rest0[name] - hips0)
    return points


def _denoised(positions: Array, lengths: Array, fps: float, seconds: float | None) -> Array:
    """Savitzky-Golay in time. Without a given window its width follows the frame-to-frame jitter of the bone lengths.

    Bones of a real body don't change their length, so that jitter measures noise and leaves fast motion out of account.
    """
    if seconds is None:
        jitter = float(np.median(np.abs(np.diff(lengths, axis=0)))) if len(lengths) > 1 else 0.0
        seconds = 0.0 if jitter < 0.002 else min(0.3, 0.12 + 6 * jitter)
    window = 2 * round(seconds * fps / 2) + 1
    if window < 5 or len(positions) < window:
        return positions
    return np.asarray(savgol_filter(positions, window, 3 if window >= 7 else 2, axis=0, mode="interp"))


def fit_positions(
    positions: ArrayLike, names: list[str] | tuple[str, ...], rest: Rest, fps: float, *, smoothing: float | None = None
) -> Motion:
    """Rotations that put the joints of the body `rest` where `positions` has them.

    Bone lengths stay those of `rest`. Where the source has other proportions, its bone directions are kept and the path
    of the root is scaled by the ratio of the leg lengths (about the first frame's place; heights about y = 0).
    Head turn, palm turn and toe bend can't be seen from these joints and stay neutral.

    Args:
        positions: (T, K, 3) m, true joint centres, Y up.
        names: K names of the rest's skeleton. `REQUIRED` must be among them; pelvis, spine1..3, neck, head, collars,
            feet and hands help if present.
        rest: the body. Its skeleton becomes the skeleton of the result.
        fps: frame rate.
        smoothing: seconds of Savitzky-Golay window over the positions; 0 for none; None measures the noise first.

    Raises:
        InputError: a needed joint is missing, shapes don't match or a value isn't finite.
    """
    array = np.asarray(positions, float)
    if array.ndim != 3 or array.shape[1:] != (len(names), 3) or not len(array):
        raise InputError(
            f"Positions of shape {array.shape} do not fit {len(names)} joint names; give (T, {len(names)}, 3)."
        )
    if not np.isfinite(array).all():
        raise InputError("The joint positions hold values that are not numbers; repair or leave out those frames.")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InputError(
            f"The joint positions lack {', '.join(missing)}; "
            "name at least hips, knees, ankles, shoulders, elbows and wrists."
        )
    skeleton = rest.skeleton
    extra = {f"{side}_hand": f"{side}_middle1" for side in ("left", "right") if f"{side}_hand" not in skeleton.joints}
    known = [name for name in names if extra.get(name, name) in skeleton.joints]
    rest0 = dict(zip(skeleton.joints, rest.joints, strict=True))
    rest0 |= {name: rest0[other] for name, other in extra.items()}
    parent_of = {
        name: skeleton.joints[parent]
        for name, parent in zip(skeleton.joints, skeleton.parents, strict=True)
        if parent >= 0
    }
    parent_of |= {"left_hand": "left_wrist", "right_hand": "right_wrist"}

    column = {name: k for k, name in enumerate(names)}
    bones = [(parent_of[name], name) for name in known if parent_of.get(name) in column]
    lengths = np.stack([np.linalg.norm(array[:, column[c]] - array[:, column[p]], axis=-1) for p, c in bones], axis=1)
    array = _denoised(array, lengths, fps, smoothing)
    source = _completed({name: array[:, column[name]] for name in known}, rest0)

    def bone0(name: str) -> Array:
        return rest0[name] - rest0[parent_of[name]]

    def length0(name: str) -> float:
        return float(np.linalg.norm(bone0(name)))

    def ratio(*bones: str) -> float:
        """Length in the rest pose over length in the source."""
        found = [np.median(np.linalg.norm(source[bone] - source[parent_of[bone]], axis=-1)) for bone in bones]
        return sum(length0(bone) for bone in bones) / max(float(np.sum(found)), 1e-6)

    hips, hips0 = (source["left_hip"] + source["right_hip"]) / 2, (rest0["left_hip"] + rest0["right_hip"]) / 2
    pelvis = _aligned(
        rest0["left_hip"] - rest0["right_hip"],
        rest0["spine1"] - hips0,
        source["left_hip"] - source["right_hip"],
        source["spine1"] - hips,
    )
    line = "collar" if {"left_collar", "right_collar"} <= set(known) else "shoulder"
    chest = _aligned(
        rest0[f"left_{line}"] - rest0[f"right_{line}"],
        rest0["neck"] - rest0["spine3"],
        source[f"left_{line}"] - source[f"right_{line}"],
        source["neck"] - source["spine3"],
    )

    # Targets: the source with this body's proportions. Bones that are rigid in a frame take over the rest's offset,
    # free bones are scaled along their own direction; deviations from the source's own medians stay in, as evidence.
    scale = ratio("left_knee", "left_ankle", "right_knee", "right_ankle")
    scale = scale if abs(scale - 1) > 0.005 else 1.0
    origin = source["pelvis"][0] * [1, 0, 1]
    target = {"pelvis": origin + scale * (source["pelvis"] - origin)}
    rigid = {name: pelvis for name in ("left_hip", "right_hip", "spine1")}
    rigid |= {name: chest for name in ("neck", "left_collar", "right_collar")}
    for name in skeleton.joints:
        name = next((short for short, long in extra.items() if long == name), name)
        if name not in source or name == "pelvis":
            continue
        parent = parent_of[name]
        bone = source[name] - source[parent]
        if name in rigid:
            local = np.einsum("tji,tj->ti", rigid[name], bone)
            bone = _turn(rigid[name], local - np.median(local, axis=0) + bone0(name))
        else:
            bone = bone * ratio(name)
        target[name] = target[parent] + bone

    turned: dict[str, Array] = {"pelvis": pelvis, "spine3": chest}
    place: dict[str, Array] = {"pelvis": target["pelvis"]}

    # Spine: the turn from pelvis to chest is shared out in thirds, then each part is swung onto its bone.
    place["spine1"] = place["pelvis"] + _turn(pelvis, bone0("spine1"))
    lean = axis_angle_from_matrix(np.swapaxes(pelvis, -1, -2) @ chest)
    towards = _chain(place["spine1"], [target["spine2"], target["spine3"]], [length0("spine2"), length0("spine3")])
    for name, child, direction, share in (
        ("spine1", "spine2", towards[0], 1 / 3),
        ("spine2", "spine3", towards[1], 2 / 3),
    ):
        guess = pelvis @ matrix_from_axis_angle(lean * share)
        turned[name] = shortest_arc(_turn(guess, bone0(child)), direction) @ guess
        place[child] = place[name] + length0(child) * direction
    place["neck"] = place["spine3"] + _turn(chest, bone0("neck"))
    turned["neck"] = chest
    if "head" in target:
        turned["neck"] = shortest_arc(_turn(chest, bone0("head")), target["head"] - place["neck"]) @ chest
    turned["head"] = turned["neck"]

    for side in ("left", "right"):
        hip, knee, ankle, foot = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "foot"))
        place[hip] = place["pelvis"] + _turn(pelvis, bone0(hip))
        chain = [name for name in (knee, ankle, foot) if name in target]
        directions = _chain(place[hip], [target[name] for name in chain], [length0(name) for name in chain])
        u, v = directions[:2]
        a, b = unit(bone0(knee)), unit(bone0(ankle))
        evidence = []
        if foot in target:
            toe, toe0 = directions[2], unit(bone0(foot))
            turn = _angle_about(b, toe0, HINGES[knee])
            axis = _turn(matrix_from_axis_angle(v * turn), unit(_across(toe, v)))
            evidence = [(axis, 0.3 * _smoothstep(np.linalg.norm(np.cross(toe, v), axis=-1), 0.2, 0.6))]
        turned[hip], turned[knee] = _limb(pelvis, u, v, a, b, (length0(knee), length0(ankle)), knee, evidence, fps)
        turned[ankle] = turned[knee]
        if foot in target:
            height = target[foot][:, 1] - np.percentile(target[foot][:, 1], 2)
            turned[ankle] = _foot(turned[knee], toe, v, toe0, b, height)

        collar, shoulder, elbow, wrist, hand = (
            f"{side}_{joint}" for joint in ("collar", "shoulder", "elbow", "wrist", "hand")
        )
        place[collar] = place["spine3"] + _turn(chest, bone0(collar))
        chain = [name for name in (shoulder, elbow, wrist, hand) if name in target]
        directions = _chain(place[collar], [target[name] for name in chain], [length0(name) for name in chain])
        turned[collar] = shortest_arc(_turn(chest, bone0(shoulder)), directions[0]) @ chest
        turned[shoulder], turned[elbow] = _limb(
            turned[collar],
            directions[1],
            directions[2],
            unit(bone0(elbow)),
            unit(bone0(wrist)),
            (length0(elbow), length0(wrist)),
            elbow,
            [],
            fps,
        )
        turned[wrist] = turned[elbow]
        if hand in target:
            turned[wrist] = shortest_arc(_turn(turned[elbow], bone0(hand)), directions[3]) @ turned[elbow]

    poses = np.zeros((len(array), len(skeleton), 3))
    for joint, (name, parent) in enumerate(zip(skeleton.joints, skeleton.parents, strict=True)):
        if name in turned:
            local = turned[name] if parent < 0 else np.swapaxes(turned[skeleton.joints[parent]], -1, -2) @ turned[name]
            poses[:, joint] = axis_angle_from_matrix(local)
    trans = target["pelvis"] - rest.joints[0]
    # Noise that the bones share goes into the root; a single limb that can't follow doesn't drag the body along.
    seen = [name for name in known if extra.get(name, name) in skeleton.joints]
    reached = rest.forward(poses, trans)[0]
    miss = np.stack([target[name] - reached[:, skeleton.index(extra.get(name, name))] for name in seen])
    weight = 1 / (1 + _dot(miss, miss)[..., None] / 0.03**2)
    shift = (weight * miss).sum(axis=0) / weight.sum(axis=0)
    return Motion(poses, trans + shift, float(fps), skeleton.name)
