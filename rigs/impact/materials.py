# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials of things and grounds. Needs nothing but Python, since Blender's panel asks it too."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..errors import InputError


@dataclass(frozen=True)
class Material:
    """`density` kg/m³ · `young` Pa · `poisson` · `loss` factor of its vibrations, so that a mode at f decays by
    e^(-pi·loss·f·t) · `thickness` m of a wall or a floor of it where nothing else says so · `roughness` m of its
    surface, root mean square · `grains` per step: crumbs of a loose ground that give way, 0 of a firm one · `grain`
    (lowest, highest Hz) of their sound · `give` s, how much longer a foot's blow lasts on it.
    """

    name: str
    label: str
    density: float
    young: float
    poisson: float
    loss: float
    thickness: float = 0.004
    roughness: float = 10e-6
    grains: int = 0
    grain: tuple[float, float] = (500.0, 8000.0)
    give: float = 0.0

    def decay(self, frequency: float) -> float:
        """1/s by which a mode at that frequency dies down: pi·loss·f."""
        return math.pi * self.loss * frequency

    def with_values(self, **values: float) -> Material:
        """The same with other numbers. Raises InputError: an unknown one, or one that no material has."""
        for name, value in values.items():
            low, high = BOUNDS.get(name, (math.nan, math.nan))
            if not low <= float(value) <= high:
                raise InputError(f"A material's {name} must lie between {low:g} and {high:g}, not be {value}.")
        return replace(self, **values)


BOUNDS = {
    "density": (1.0, 30000.0), "young": (1e4, 2e12), "poisson": (0.0, 0.49), "loss": (1e-5, 1.0),
    "thickness": (1e-4, 10.0), "roughness": (1e-8, 1e-2),
}  # fmt: skip

# Density, Young's modulus and Poisson's ratio of ceramic, glass, wood, plastic, iron, polycarbonate and steel: Wang and
# James 2019 (KleinPAT), table 4. Their Rayleigh damping is not taken, since it lets 8 kHz die down six times too fast.
# The loss factors of wood, glass, iron and ceramic are the best constant ones of single recorded hits (one to three
# objects each); the others, and all numbers of the other materials, are rounded from handbooks (Cremer, Heckl and
# Petersson, Structure-Borne Sound). A thing on a table or in a hand loses more than its material does. Loose grounds:
# the density is the bulk one; grains are set by spectrum, not measured.
_ALL = (
    Material("steel", "Steel", 7850, 2.0e11, 0.29, 0.0012, 0.002, 4e-6),
    Material("iron", "Iron", 8000, 2.1e11, 0.28, 0.0018, 0.005, 15e-6),
    Material("aluminium", "Aluminium", 2700, 7.0e10, 0.33, 0.0010, 0.002, 4e-6),
    Material("glass", "Glass", 2600, 6.2e10, 0.20, 0.0016, 0.003, 1e-6),
    Material("ceramic", "Ceramic", 2700, 7.2e10, 0.19, 0.0017, 0.005, 6e-6),
    Material("wood", "Wood", 750, 1.1e10, 0.25, 0.016, 0.022, 25e-6),
    Material("plastic", "Plastic", 1070, 1.4e9, 0.35, 0.020, 0.003, 8e-6),
    Material("polycarbonate", "Polycarbonate", 1190, 2.4e9, 0.37, 0.010, 0.003, 4e-6),
    Material("stone", "Stone", 2600, 5.0e10, 0.25, 0.006, 0.08, 40e-6),
    Material("rubber", "Rubber", 1100, 1.0e7, 0.49, 0.15, 0.006, 30e-6, give=0.004),
    Material("cardboard", "Cardboard", 300, 1.0e9, 0.30, 0.05, 0.003, 30e-6),
    Material("concrete", "Concrete", 2300, 3.0e10, 0.20, 0.010, 0.15, 60e-6),
    Material("flesh", "Skin and flesh", 1000, 2.0e5, 0.45, 0.4, 0.02, 50e-6, give=0.004),
    Material("carpet", "Carpet", 300, 1.0e7, 0.30, 0.3, 0.03, 500e-6, 30, (800.0, 3500.0), 0.006),
    Material("gravel", "Gravel", 1600, 5.0e7, 0.30, 0.2, 0.20, 2e-3, 160, (1500.0, 9000.0), 0.006),
    Material("sand", "Sand", 1600, 3.0e7, 0.30, 0.3, 0.25, 300e-6, 500, (1800.0, 7000.0), 0.012),
    Material("grass", "Grass", 1200, 2.0e7, 0.35, 0.4, 0.20, 1e-3, 90, (2500.0, 9000.0), 0.012),
    Material("snow", "Snow", 300, 1.0e7, 0.20, 0.3, 0.15, 1e-3, 350, (400.0, 2600.0), 0.015),
)
MATERIALS: dict[str, Material] = {material.name: material for material in _ALL}


def material(name: str) -> Material:
    """Raises InputError: there is no such material."""
    if name not in MATERIALS:
        raise InputError(f"There is no material {name!r}; choose one of {', '.join(MATERIALS)}.")
    return MATERIALS[name]


# Words in the names of Blender's materials and objects, for a first guess.
_WORDS = {
    "steel": ("steel", "metal", "chrome"), "iron": ("iron", "anvil"), "aluminium": ("alumin", "foil", "tin"),
    "glass": ("glass", "window", "bottle"), "ceramic": ("ceramic", "porcelain", "china", "plate", "mug", "tile"),
    "wood": ("wood", "oak", "pine", "plank", "table", "crate", "parquet"), "polycarbonate": ("polycarb", "acryl"),
    "plastic": ("plastic", "lego", "toy"), "stone": ("stone", "rock", "marble", "granite"), "snow": ("snow",),
    "concrete": ("concrete", "cement", "asphalt", "street", "road"), "rubber": ("rubber", "tyre", "tire", "ball"),
    "cardboard": ("card", "paper", "box"), "flesh": ("skin", "flesh", "body"), "carpet": ("carpet", "rug", "cloth"),
    "gravel": ("gravel",), "sand": ("sand", "beach"), "grass": ("grass", "lawn", "meadow"),
}  # fmt: skip


def guessed(*names: str, otherwise: str = "wood") -> str:
    """The material that the first telling name speaks of."""
    for text in names:
        for name, words in _WORDS.items():
            if any(word in text.lower() for word in words):
                return name
    return otherwise
