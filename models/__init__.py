# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor 2: learning and signals. torch lives here, bpy does not."""

from .caches import keep_numba_apart

keep_numba_apart()
