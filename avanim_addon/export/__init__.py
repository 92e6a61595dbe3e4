# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing a character on to a game engine."""
