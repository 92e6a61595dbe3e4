# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone is which, told by the shape of the rig alone: names in any language, or none that mean anything.

Two limbs reach the floor from one bone: the pelvis. Two others reach far to the sides from one bone above it: the
chest. What rises from there is neck and head. Where the toes point is forward, and that tells left from right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .rig_shape import RigShape

Array = NDArray[np.float64]

_UP = np.array([0.0, 1.0, 0.0])
# Parts of the rig's height: what is near the floor, and the least reach of an arm to the side.
_LOW, _ARM = 0.2, 0.12
_NAMES_OF_ENDS = ("end", "nub", "tip", "_null")


def inferred_bones(shape: RigShape) -> dict[str, str]:
    """By role of `conventions.ROLES` the bone; Y must be up, forward may be anywhere.

    Raises:
        InputError: the rig has no two legs, or no two arms.
    """
    if len(shape) < 8:
        raise InputError(f"The rig has only {len(shape)} bones; a humanoid has a pelvis, legs, a spine and arms.")
    children = shape.children()
    reach = _subtree_leaves(children)
    low = shape.heads[:, 1].min()
    height = max(float(np.ptp(shape.heads[:, 1])), 1e-9)
    pelvis, legs = _pelvis(shape, children, reach, low + _LOW * height)
    leg_bones = set(legs) | {bone for leg in legs for bone in _below(leg, children)}
    chest, arms = _chest(shape, children, reach, pelvis, leg_bones, height)
    roles: dict[str, int] = {"pelvis": pelvis}
    parts = [_leg(shape, _path(leg, children, shape, "low"), low) for leg in legs]
    hands = [_arm(shape, _path(arm, children, shape, "far"), children) for arm in arms]
    forward = _forward(shape, parts, hands)
    left = np.cross(_UP, forward)
    for limbs in (parts, hands):
        limbs.sort(key=lambda limb: -float(shape.heads[next(iter(limb.values()))] @ left))
        for side, limb in zip(("left", "right"), limbs, strict=True):
            roles |= {f"{side}_{joint}": bone for joint, bone in limb.items()}
    for side in ("left", "right"):
        roles |= _fingers(shape, children, roles[f"{side}_wrist"], side, forward)
    roles |= _spine(shape, pelvis, chest)
    arm_bones = set(arms) | {bone for arm in arms for bone in _below(arm, children)}
    roles |= _head(shape, children, chest, arm_bones | leg_bones)
    return {role: shape.names[bone] for role, bone in roles.items()}


def _below(bone: int, children: list[list[int]]) -> list[int]:
    found = []
    todo = list(children[bone])
    while todo:
        found.append(todo.pop())
        todo += children[found[-1]]
    return found


def _subtree_leaves(children: list[list[int]]) -> list[list[int]]:
    leaves: list[list[int]] = [[] for _ in children]
    for bone in range(len(children) - 1, -1, -1):
        leaves[bone] = [leaf for child in children[bone] for leaf in leaves[child]] or [bone]
    return leaves


def _pelvis(
    shape: RigShape, children: list[list[int]], leaves: list[list[int]], floor: float
) -> tuple[int, tuple[int, int]]:
    """The deepest bone from which two limbs go down to the floor, and the first bones of those."""
    best = None
    for bone in range(len(shape)):
        legs = []
        for child in children[bone]:
            lowest = min(leaves[child], key=lambda leaf: shape.heads[leaf, 1])
            # A leg begins high above where it ends; foot controls, which lie on the floor, are none.
            if shape.heads[lowest, 1] < floor and len(_path(child, children, shape, "low")) >= 3:
                top = max(shape.heads[child, 1], shape.heads[bone, 1])
                if top - shape.heads[lowest, 1] > 0.25 * (np.ptp(shape.heads[:, 1])):
                    legs.append(child)
        if len(legs) >= 2:
            legs.sort(key=lambda leg: min(shape.heads[leaf, 1] for leaf in leaves[leg]))
            best = bone, (legs[0], legs[1])
    if best is None:
        raise InputError("The rig has no two legs that reach down to the floor; map its bones by hand.")
    return best


def _chest(
    shape: RigShape,
    children: list[list[int]],
    leaves: list[list[int]],
    pelvis: int,
    legs: set[int],
    height: float,
) -> tuple[int, tuple[int, int]]:
    """The deepest bone above the legs from which two limbs reach to opposite sides, and the first bones of those."""
    best = None
    across = shape.heads[sorted(legs)] - shape.heads[pelvis]
    # The legs lie on both sides of the middle: the direction in which they spread is the body's left or right.
    _, _, axes = np.linalg.svd((across - across.mean(0)) * [1, 0, 1])
    side = axes[0] * [1, 0, 1]
    middle = shape.heads[pelvis]
    start = [pelvis, *_below(pelvis, children)]
    if shape.parents[pelvis] >= 0:
        start += [bone for bone in _below(shape.parents[pelvis], children) if bone not in start]
    for bone in start:
        if bone in legs:
            continue
        out = {}
        for child in children[bone]:
            if child in legs or child == pelvis:
                continue
            offsets = [(shape.heads[leaf] - middle) @ side for leaf in leaves[child]]
            out[child] = max(offsets, key=abs)
        plus = max(out, key=lambda child: out[child], default=None)
        minus = min(out, key=lambda child: out[child], default=None)
        if plus is not None and minus is not None and out[plus] > _ARM * height and out[minus] < -_ARM * height:
            best = bone, (plus, minus)
    if best is None:
        raise InputError("The rig has no two arms that reach to the sides; map its bones by hand.")
    return best


def _path(bone: int, children: list[list[int]], shape: RigShape, towards: str) -> list[int]:
    """From `bone` down the limb to the leaf that lies lowest, or farthest from where it began."""
    leaves = _subtree_leaves(children)[bone]
    start = shape.heads[bone]
    if towards == "low":
        end = min(leaves, key=lambda leaf: (round(float(shape.heads[leaf, 1]), 3), -len(shape.ancestors(leaf))))
        # The toes go on from the ankle's foot at the same height: the leaf farthest along counts.
        same = [leaf for leaf in leaves if shape.heads[leaf, 1] < shape.heads[end, 1] + 0.03 * shape.height]
        end = max(same, key=lambda leaf: len(shape.ancestors(leaf)))
    else:
        end = max(leaves, key=lambda leaf: float(np.linalg.norm(shape.heads[leaf] - start)))
    above = shape.ancestors(end)
    return [*reversed(above[: above.index(bone) + 1]), end] if end != bone else [bone]


def _leg(shape: RigShape, path: list[int], floor: float) -> dict[str, int]:
    heads = shape.heads[path]
    length = heads[:, 1].max() - floor
    # Helpers between pelvis and thigh lie high; the hip is the last of those within a tenth of the leg's top.
    first = max(k for k in range(len(path)) if heads[:, 1].max() - heads[k, 1] < 0.1 * length)
    ankle = len(path) - 1
    for k in range(first + 1, len(path) - 1):
        step = heads[k + 1] - heads[k]
        if heads[k, 1] - floor < 0.3 * length and -step[1] < 0.7 * np.linalg.norm(step):
            ankle = k
            break
    if ankle - first < 2:
        raise InputError("A leg of the rig has no knee between hip and foot; map its bones by hand.")
    along = np.linalg.norm(np.diff(heads[first : ankle + 1], axis=0), axis=1).cumsum()
    knee = first + 1 + int(np.abs(along[:-1] / max(along[-1], 1e-9) - 0.5).argmin())
    leg = {"hip": path[first], "knee": path[knee], "ankle": path[ankle]}
    if ankle + 1 < len(path):
        leg["foot"] = path[ankle + 1]
    return leg


def _arm(shape: RigShape, path: list[int], children: list[list[int]]) -> dict[str, int]:
    heads = shape.heads[path]
    # The hand is where the fingers part, or else the last bone but for a tip.
    wrist = next((k for k in range(2, len(path)) if len(children[path[k]]) >= 3), None)
    if wrist is None:
        wrist = len(path) - 1
        if wrist >= 3 and any(mark in shape.names[path[-1]].lower() for mark in _NAMES_OF_ENDS):
            wrist -= 1
    reach = np.linalg.norm(heads - heads[0], axis=1)
    # A collar bone lies before the shoulder wherever there is a bone too many.
    first = 1 if wrist >= 3 and reach[1] < 0.45 * reach[wrist] else 0
    if wrist - first < 2:
        raise InputError("An arm of the rig has no elbow between shoulder and hand; map its bones by hand.")
    along = np.linalg.norm(np.diff(heads[first : wrist + 1], axis=0), axis=1).cumsum()
    elbow = first + 1 + int(np.abs(along[:-1] / max(along[-1], 1e-9) - 0.52).argmin())
    arm = {"shoulder": path[first], "elbow": path[elbow], "wrist": path[wrist]}
    return {"collar": path[0], **arm} if first else arm


def _forward(shape: RigShape, legs: list[dict[str, int]], arms: list[dict[str, int]]) -> Array:
    """(3,): where the feet point; where they have no toes, square to the line of the shoulders, knees to the front."""
    toes = [shape.heads[leg["foot"]] - shape.heads[leg["ankle"]] for leg in legs if "foot" in leg]
    toes += [shape.tails[leg["ankle"]] - shape.heads[leg["ankle"]] for leg in legs if "foot" not in leg]
    forward = np.sum(toes, axis=0) * [1, 0, 1]
    line = (shape.heads[arms[0]["shoulder"]] - shape.heads[arms[1]["shoulder"]]) * [1, 0, 1]
    if np.linalg.norm(forward) < 0.02 * shape.height:
        forward = np.sum(
            [
                shape.heads[leg["knee"]] - (shape.heads[leg["hip"]] + shape.heads[leg["ankle"]]) / 2
                for leg in legs
            ],
            axis=0,
        ) * [1, 0, 1]  # fmt: skip
    square = np.cross(line, _UP)
    square /= max(np.linalg.norm(square), 1e-9)
    return square if forward @ square >= 0 else -square


def _spine(shape: RigShape, pelvis: int, chest: int) -> dict[str, int]:
    above = shape.ancestors(chest)
    if pelvis not in above:
        return {"spine3": chest} if chest != pelvis else {}
    between = [*reversed(above[: above.index(pelvis)]), chest]
    if len(between) == 1:
        return {"spine3": chest}
    if len(between) == 2:
        return {"spine1": between[0], "spine3": chest}
    return {"spine1": between[0], "spine2": between[len(between) // 2], "spine3": chest}


def _head(shape: RigShape, children: list[list[int]], chest: int, limbs: set[int]) -> dict[str, int]:
    rising = [child for child in children[chest] if child not in limbs]
    if not rising:
        return {}
    leaves = _subtree_leaves(children)
    first = max(rising, key=lambda child: max(shape.heads[leaf, 1] for leaf in leaves[child]))
    path = [first]
    while len(children[path[-1]]) == 1:
        path.append(children[path[-1]][0])
    if len(path) > 1 and any(mark in shape.names[path[-1]].lower() for mark in _NAMES_OF_ENDS):
        path.pop()
    if len(path) == 1:
        return {"head": path[0]}
    # A rig whose head ends in a bone that only marks the crown: two bones of the neck are rare without five in all.
    head = path[2] if len(path) >= 3 and children[path[-1]] else path[1]
    return {"neck": path[0], "head": head}


def _fingers(shape: RigShape, children: list[list[int]], wrist: int, side: str, forward: Array) -> dict[str, int]:
    """Chains of two or more bones on the hand, the foremost first in a T-pose: the thumb, then index to pinky."""
    chains = []
    for child in children[wrist]:
        path = [child]
        while children[path[-1]]:
            path.append(children[path[-1]][0])
        # A bone of the palm stands before the finger's own three.
        if len(path) >= 2:
            chains.append(path)
    if len(chains) not in (4, 5):
        return {}
    middle = shape.heads[[path[0] for path in chains]].mean(0)
    out = middle - shape.heads[wrist]
    # Across the hand, from the pinky to the index: the line of the knuckles, in the sense that is nearer to forward.
    _, _, axes = np.linalg.svd(shape.heads[[path[0] for path in chains]] - middle)
    across = axes[0] if axes[0] @ forward >= 0 else -axes[0]
    if abs(across @ out) > 0.8 * np.linalg.norm(out):
        across = forward
    chains.sort(key=lambda path: -float(shape.heads[path[1]] @ across))
    order = ("thumb", "index", "middle", "ring", "pinky")[5 - len(chains) :]
    roles = {}
    for finger, path in zip(order, chains, strict=True):
        own = path[1:4] if len(path) >= 5 and finger != "thumb" else path[:3]
        roles |= {f"{side}_{finger}{number}": bone for number, bone in enumerate(own, 1)}
    return roles
