# SPDX-License-Identifier: GPL-3.0-or-later
"""Small tools on one motion, each a family of motion models of the literature. This table alone loads nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """`options` that it reads, of OPTIONS · `goes_on`: what it makes follows the motion · `needs_other` motion."""

    title: str
    reference: str
    about: str
    options: tuple[str, ...]
    goes_on: bool = False
    needs_other: bool = False


# Name -> (type, smallest, largest), as models/tasks.py checks them.
OPTIONS: dict[str, tuple[type, float | None, float | None]] = {
    "tool": (str, None, None),
    "other": (str, None, None),
    "components": (int, 1, 60),
    "gains": (list, None, None),
    "offsets": (list, None, None),
    "mix": (float, -1, 2),
    "keys": (list, None, None),
    "seconds": (float, 0.5, 600),
    "temperature": (float, 0, 2),
    "seed": (int, 0, 2**31 - 1),
    "strength": (float, 0, 1),
    "only_new": (bool, None, None),
    "plant": (bool, None, None),
    "character": (str, None, None),
}


TOOLS: dict[str, Tool] = {
    "pca": Tool(
        "Pose Space",
        "Shapiro, Cao, Faloutsos: Style Components, 2006; Tilmanne, Dutoit, 2010",
        "the motion's principal components, made larger, smaller, or shifted",
        ("components", "gains", "offsets"),
    ),
    "hmm": Tool(
        "Style Mix",
        "Brand, Hertzmann: Style Machines, SIGGRAPH 2000",
        "the motion in the style of another, or between the two",
        ("mix", "seed"),
        needs_other=True,
    ),
    "gp": Tool(
        "Continue / In-between",
        "Wang, Fleet, Hertzmann: Gaussian Process Dynamical Models, TPAMI 2008",
        "goes on where the motion ends, or fills between frames of it that are kept",
        ("keys", "seconds"),
        goes_on=True,
    ),
    "fcrbm": Tool(
        "Vary",
        "Taylor, Hinton: Factored Conditional Restricted Boltzmann Machines, ICML 2009",
        "goes on at random in the motion's style, another's, or between",
        ("mix", "seconds", "seed"),
        goes_on=True,
    ),
    "mdn": Tool(
        "Improvise",
        "Crnkovic-Friis: chor-rnn, ICCC 2016",
        "goes on at random, the freer the higher the temperature",
        ("seconds", "temperature", "seed"),
        goes_on=True,
    ),
    "manifold": Tool(
        "Clean Up",
        "Holden, Saito, Komura: A Deep Learning Framework for Character Motion Synthesis, SIGGRAPH 2016",
        "takes off what no motion does: trembling, joints that jump",
        ("strength",),
    ),
}
