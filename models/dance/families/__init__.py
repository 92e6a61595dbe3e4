# SPDX-License-Identifier: GPL-3.0-or-later
"""Small tools on one motion, each a family of motion models of the literature."""
