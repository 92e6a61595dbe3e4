# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's takes, whichever domain made them."""
