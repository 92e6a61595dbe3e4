# SPDX-License-Identifier: GPL-3.0-or-later
"""How things sound that hit, slide, roll and step: from geometry, material and contact to pressure at the listener."""
