# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones and settings that tests draw at random."""

from __future__ import annotations

import numpy as np
from avanim.rigs.articulation import MouthSettings
from avanim.rigs.articulation_natural import MOTION
from avanim.rigs.phones import PHONES, Phones
from hypothesis import strategies as st

rates = st.one_of(st.sampled_from([12.0, 23.976, 24.0, 25.0, 29.97, 30.0, 60.0, 120.0]), st.floats(12, 120))


@st.composite
def sequences(draw, most=12, shortest=0.02):
    """Any phones one after the other, with and without gaps."""
    rows, at = [], 0.0
    for name in draw(st.lists(st.sampled_from(PHONES), max_size=most)):
        at += draw(st.sampled_from([0.0, 0.0, 0.07, 0.4]))
        long = draw(st.floats(shortest, 0.3))
        rows.append((at, at + long, name, draw(st.floats(0, 1))))
        at += long
    return Phones.of(rows)


settings = st.builds(
    MouthSettings,
    jaw=st.floats(0, 2),
    lips=st.floats(0, 2),
    articulation=st.floats(0, 2),
    closure=st.floats(0, 2),
    smoothing=st.floats(0, 1),
    lead_ms=st.floats(-120, 120),
    tongue=st.floats(0, 2),
    natural=st.floats(0, 1),
    stepped=st.booleans(),
)


@st.composite
def motions(draw):
    """Any motion of a captured face, or none: still, leaping, or all open."""
    kind, count = draw(st.sampled_from(["none", "leaps", "open", "still"])), draw(st.integers(1, 60))
    if kind == "none":
        return None
    rows = np.random.default_rng(draw(st.integers(0, 99))).random((count, len(MOTION)))
    return rows if kind == "leaps" else np.full_like(rows, 1.0 if kind == "open" else 0.0)
