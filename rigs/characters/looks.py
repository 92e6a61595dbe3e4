# SPDX-License-Identifier: GPL-3.0-or-later
"""What sets the three default characters apart: sliders, skin, hair and clothes. Colours are linear RGB."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .body import MOUTH_DEPTH, mouth_light
from .character import Material
from .garments import Top, Trousers
from .skin import to_png

Colour = tuple[float, ...]


@dataclass(frozen=True)
class Look:
    """`sliders` and `details` as in `makehuman`; `outfit` as in `garments.dress`; `colours` of its materials."""

    sliders: dict[str, Any]
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    outfit: dict[str, Any]
    colours: dict[str, Colour]
    hair_style: str
    stubble: float = 0.0
    brow: float = 1.0
    details: dict[str, float] = field(default_factory=dict)


LOOKS = {
    "neutral": Look(
        sliders={"gender": 0.5, "muscle": 0.62, "weight": 0.47, "height": 0.55, "proportions": 0.75, "firmness": 0.7},
        skin=(0.50, 0.30, 0.205),
        hair=(0.030, 0.018, 0.012),
        iris=(0.10, 0.05, 0.022),
        lips=(0.86, 0.52, 0.54),
        outfit={
            "top": Top(neck=0.085, sleeve=0.12, hem=-0.02, loose=0.008, hang=0.012, folds=0.004),
            "trousers": Trousers(waist=0.03, leg=0.035, loose=0.005, hang=0.008, folds=0.004, stripe=0.016),
            "sneakers": 0.095,
        },
        colours={
            "top": (0.012, 0.22, 0.27), "trim": (0.65, 0.63, 0.56), "trousers": (0.020, 0.022, 0.030),
            "band": (0.65, 0.63, 0.56), "shoe": (0.70, 0.69, 0.66), "shoe_trim": (0.012, 0.22, 0.27),
            "sole": (0.78, 0.77, 0.74),
        },
        hair_style="crop",
        details={"head/head-diamond": 0.25, "nose/nose-scale-horiz-decr": 0.25, "mouth/mouth-scale-horiz-incr": 0.1},
    ),
    "female": Look(
        sliders={
            "gender": 0.0, "muscle": 0.60, "weight": 0.45, "height": 0.60, "proportions": 0.85, "cup": 0.45,
            "firmness": 0.8, "race": (0.2, 0.3, 0.5),
        },
        skin=(0.62, 0.40, 0.30),
        hair=(0.060, 0.026, 0.013),
        iris=(0.075, 0.085, 0.040),
        lips=(0.85, 0.42, 0.46),
        outfit={
            "top": Top(neck=0.105, sleeve=-0.01, hem=0.09, loose=0.007, hang=0.007, folds=0.002),
            "trousers": Trousers(waist=0.115, leg=0.10, loose=0.004, stripe=0.012),
            "sneakers": 0.085,
        },
        colours={
            "top": (0.42, 0.022, 0.060), "trim": (0.20, 0.010, 0.030), "trousers": (0.018, 0.018, 0.026),
            "band": (0.42, 0.022, 0.060), "shoe": (0.72, 0.70, 0.68), "shoe_trim": (0.42, 0.022, 0.060),
            "sole": (0.78, 0.77, 0.74),
        },
        hair_style="bun",
        brow=0.8,
        details={
            "head/head-oval": 0.45, "chin/chin-width-decr": 0.3, "nose/nose-scale-horiz-decr": 0.2,
            "nose/nose-point-up": 0.2, "eyes/l-eye-scale-incr": 0.25, "eyes/r-eye-scale-incr": 0.25,
            "mouth/mouth-upperlip-volume-incr": 0.25, "mouth/mouth-lowerlip-volume-incr": 0.2,
        },
    ),
    "male": Look(
        sliders={
            "gender": 1.0, "muscle": 0.68, "weight": 0.48, "height": 0.5, "proportions": 0.85, "race": (0.3, 0.2, 0.5),
        },
        skin=(0.34, 0.19, 0.12),
        hair=(0.012, 0.009, 0.008),
        iris=(0.07, 0.035, 0.016),
        lips=(0.85, 0.58, 0.60),
        outfit={
            "top": Top(neck=0.088, sleeve=0.14, hem=-0.03, loose=0.009, hang=0.013, folds=0.0045),
            "trousers": Trousers(waist=0.02, leg=0.03, loose=0.006, hang=0.009, folds=0.004),
            "sneakers": 0.10,
        },
        colours={
            "top": (0.58, 0.27, 0.020), "trim": (0.40, 0.17, 0.012), "trousers": (0.022, 0.040, 0.085),
            "band": (0.012, 0.022, 0.050), "shoe": (0.022, 0.040, 0.085), "shoe_trim": (0.58, 0.27, 0.020),
            "sole": (0.78, 0.77, 0.74),
        },
        hair_style="fade",
        stubble=0.35,
        brow=1.15,
        details={
            "head/head-square": 0.3, "chin/chin-prominent-incr": 0.25, "chin/chin-width-incr": 0.25,
            "nose/nose-scale-vert-incr": 0.15, "cheek/l-cheek-bones-incr": 0.25, "cheek/r-cheek-bones-incr": 0.25,
        },
    ),
}  # fmt: skip

_CLOTH = ("top", "trim", "trousers", "band")


def _inside(name: str, colour: Colour, **surface: float) -> Material:
    """Something in the mouth, whose u is its depth (`body.MOUTH`): the deeper, the darker and redder."""
    shades = (np.array(colour) * mouth_light(np.linspace(0, MOUTH_DEPTH, 128))).astype(np.float32)
    return Material(name, colour, **surface, image=to_png(np.tile(shades, (4, 1, 1))))


def materials(look: Look, skin_image: bytes, eye_image: bytes, hair_image: bytes | None) -> dict[str, Material]:
    """All materials of a character by name."""
    found = [
        Material("skin", look.skin, roughness=0.5, subsurface=0.12, specular=0.4, image=skin_image),
        Material("eye", (0.78, 0.74, 0.70), roughness=0.08, coat=1.0, image=eye_image),
        Material("iris", look.iris, roughness=0.12, coat=1.0, image=eye_image),
        Material("pupil", (0.004, 0.004, 0.004), roughness=0.05, coat=1.0),
        _inside("teeth", (0.88, 0.85, 0.78), roughness=0.22, subsurface=0.05),
        _inside("gums", (0.50, 0.20, 0.19), roughness=0.35, subsurface=0.1),
        _inside("tongue", (0.46, 0.15, 0.14), roughness=0.35, subsurface=0.1),
        Material("lashes", tuple(0.3 * c + 0.003 for c in look.hair), roughness=0.8, specular=0.1),
        Material("hair", look.hair, roughness=0.62, specular=0.22, image=hair_image),
    ]
    for name, colour in look.colours.items():
        cloth = name in _CLOTH
        found.append(
            Material(name, colour, roughness=0.85 if cloth else 0.55, sheen=0.35 if cloth else 0.0, specular=0.3)
        )
    return {material.name: material for material in found}
