# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor 2: learning and signals. torch lives here, bpy does not."""
