# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of things that hit and slide: what a silent shot shows of them (rigs/impact is how they sound)."""
