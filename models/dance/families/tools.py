# SPDX-License-Identifier: GPL-3.0-or-later
"""The families as tools on one motion: the one function that panel, command line and scripts call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....rigs.errors import InputError
from ....rigs.feet import contacts, ground, plant_feet
from ....rigs.job import Progress, part, silent
from ....rigs.motion import Motion
from ....rigs.motion_edit import concatenate
from ....rigs.skeleton import Rest
from . import TOOLS

_JOIN = 0.4  # s in which what goes on takes over from what was
_SECONDS = 8.0

Result = tuple[Motion, dict[str, Any]]


@dataclass(frozen=True)
class Wish:
    """What a tool works on: the motion, its body, another motion or None, the options that it reads, and progress."""

    motion: Motion
    rest: Rest
    other: Motion | None
    options: dict[str, Any]
    progress: Progress

    def get(self, name: str, otherwise: Any) -> Any:
        return self.options.get(name, otherwise)


def _pca(wish: Wish) -> Result:
    from ....rigs.families.pose_space import COMPONENTS, PoseSpace

    count = wish.get("components", max(COMPONENTS, len(wish.get("gains", ())), len(wish.get("offsets", ()))))
    space = PoseSpace.of(wish.motion, wish.rest, count)
    gains, offsets = _numbers(wish.get("gains", []), "gains"), _numbers(wish.get("offsets", []), "offsets")
    made = space.edited(wish.motion, gains, offsets)
    made = _standing(made, wish, contact=contacts(wish.motion, wish.rest))
    return made, {"gains": gains, "offsets": offsets, "share": np.round(space.components.share, 4).tolist()}


def _hmm(wish: Wish) -> Result:
    from ....rigs.families.style_hmm import learn, mixed

    assert wish.other is not None
    mix = wish.get("mix", 0.5)
    machine = learn(wish.motion, wish.other, wish.rest, seed=wish.get("seed", 0))
    made = mixed(machine, wish.motion, mix)
    return _standing(made, wish, root="feet"), {"mix": mix, "states": len(machine.start)}


def _gp(wish: Wish) -> Result:
    from .gp import continued, in_between, put_in

    if "keys" not in wish.options:
        made, about = continued(
            wish.motion, wish.rest, wish.get("seconds", _SECONDS), wish.other, progress=wish.progress
        )
        return _going_on(made, wish), about
    keys = [int(key) for key in _numbers(wish.options["keys"], "keys")]
    made, about = in_between(wish.motion, wish.rest, keys, wish.other, progress=wish.progress)
    if wish.get("plant", True):
        # The keys, and what stands around them, are not for the planting to change.
        stood = _standing(made, wish)
        first, last = min(keys), max(keys) + 1
        inside = replace(stood, poses=stood.poses[first:last], trans=stood.trans[first:last])
        made = put_in(wish.motion, inside, sorted(set(keys)))
    return made, about


def _fcrbm(wish: Wish) -> Result:
    from .fcrbm import varied

    made, about = varied(
        wish.motion, wish.rest, wish.get("seconds", _SECONDS), wish.other, wish.get("mix", 0.0), wish.get("seed", 0),
        progress=wish.progress,
    )  # fmt: skip
    return _going_on(made, wish), about


def _mdn(wish: Wish) -> Result:
    from .improvise import improvised

    made, about = improvised(
        wish.motion, wish.rest, wish.get("seconds", _SECONDS), wish.get("temperature", 0.5), wish.get("seed", 0),
        progress=wish.progress,
    )  # fmt: skip
    return _going_on(made, wish), about


def _manifold(wish: Wish) -> Result:
    from .manifold import cleaned

    made, about = cleaned(wish.motion, wish.rest, wish.get("strength", 1.0))
    return _standing(made, wish, contact=contacts(made, wish.rest)), about


_MAKE: dict[str, Callable[[Wish], Result]] = {
    "pca": _pca, "hmm": _hmm, "gp": _gp, "fcrbm": _fcrbm, "mdn": _mdn, "manifold": _manifold
}  # fmt: skip
_ALWAYS = ("tool", "character", "plant")


def apply_tool(
    motion: Motion, rest: Rest, tool: str, other: Motion | None = None, options: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> Result:  # fmt: skip
    """A new motion, and what it was made with; the given one is not touched.

    Args:
        rest: the body, on the motion's skeleton. other: a second motion, for tools that learn from two.
        options: those of OPTIONS that the tool reads.

    Raises:
        InputError: an unknown tool, an option that it does not read, or a motion that it can do nothing with.
        Cancelled: progress raised it.
    """
    if tool not in TOOLS:
        raise InputError(f"There is no tool {tool!r}; choose one of {', '.join(TOOLS)}.")
    chosen, options = TOOLS[tool], dict(options or {})
    known = {*chosen.options, *_ALWAYS, *(["only_new"] if chosen.goes_on else [])}
    strange = sorted(options.keys() - known)
    if strange:
        raise InputError(f"The tool {tool} knows no {', '.join(strange)}; leave that out.")
    if chosen.needs_other and other is None:
        raise InputError(f"{chosen.title} needs another motion beside this one; give one.")
    if other is not None and tool not in ("hmm", "gp", "fcrbm"):
        raise InputError(f"{chosen.title} works on one motion; leave the other out.")
    if len(motion) < 3:
        raise InputError(f"A motion of {len(motion)} frames is too short for a tool; give one second at least.")
    made, about = _MAKE[tool](
        Wish(motion, rest, other.on(motion.skeleton) if other else None, options, part(progress, 0.0, 0.95))
    )
    return replace(made, betas=motion.betas, gender=motion.gender), {"tool": tool, **about}


def _numbers(values: Any, name: str) -> list[float]:
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError):
        raise InputError(f"The {name} must be a list of numbers, not {values!r}.") from None


def _standing(made: Motion, wish: Wish, **how: Any) -> Motion:
    """With planted feet, on the floor on which the motion was."""
    if not wish.get("plant", True):
        return made
    level = ground(wish.motion, wish.rest)
    made = plant_feet(made, wish.rest, floor=level, **how)
    return replace(made, trans=made.trans + np.array([0.0, level, 0.0]))


def _going_on(made: Motion, wish: Wish) -> Motion:
    """What goes on, at the motion's rate and on its feet; behind the motion, unless only the new is wanted."""
    made = _standing(made.resampled(wish.motion.fps), wish, root="feet")
    if wish.get("only_new", False):
        return made
    fresh = replace(made, poses=made.poses[1:], trans=made.trans[1:], betas=wish.motion.betas)
    return concatenate([wish.motion, fresh], wish.rest, _JOIN)
