# SPDX-License-Identifier: GPL-3.0-or-later
"""A silent film gets the sound of what hits and slides in it."""
