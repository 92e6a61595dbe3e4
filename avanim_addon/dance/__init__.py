# SPDX-License-Identifier: GPL-3.0-or-later
"""Music to dance, in the window."""
