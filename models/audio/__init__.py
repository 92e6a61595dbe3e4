# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound in, its features and its beats out: the one front end that everything uses."""

from .load import load_sound, probe, save_wav

__all__ = ["load_sound", "probe", "save_wav"]
