# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of things that hit and slide: what a silent shot shows of them (rigs/impact is how they sound)."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_METHOD = "foley"


@dataclass(frozen=True)
class Method:
    """A way from a silent shot to its sound; `scores` is the module that says how well."""

    title: str
    reference: str
    scores: str


METHODS: dict[str, Method] = {
    "foley": Method(
        "Foley", "AVAnim's own: hits, strengths and materials that are seen, played on modes", "foley_score"
    ),
    "indicated": Method(
        "Visually Indicated Sounds",
        "Owens, Isola, McDermott, Torralba, Adelson, Freeman: Visually Indicated Sounds, CVPR 2016",
        "indicated_train",
    ),
}
