# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on Blender's scenes that needs no window: characters, takes, sound, studio, render, export.

The panel, the command line and scripts call the same functions.
"""

from . import character, contacts, export, performance, render, sound, studio, take, talk

__all__ = ["character", "contacts", "export", "performance", "render", "sound", "studio", "take", "talk"]
