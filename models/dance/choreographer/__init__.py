# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own way from music to dance: moves are planned on the music's beats and sections, then performed."""
