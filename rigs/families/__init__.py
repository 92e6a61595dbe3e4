# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of motion models from before the deep ones, that learn from one or two clips in a moment."""
