# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor 1: bodies, faces, motion and the plain types that everything passes on. numpy and scipy only."""
