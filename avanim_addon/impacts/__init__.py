# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene makes its own sound: impacts, footsteps, foley."""
