# SPDX-License-Identifier: GPL-3.0-or-later
"""The default characters: neutral, female and male, on SMPL-24 and SMPL-X-55, with the 52 ARKit shapes and an outfit."""

from .character import Character, Material, SkinnedMesh

__all__ = ["Character", "Material", "SkinnedMesh"]
