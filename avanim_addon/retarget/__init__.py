# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of the user's own: which bone is which, and motion onto them."""
