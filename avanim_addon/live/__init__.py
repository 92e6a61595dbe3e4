# SPDX-License-Identifier: GPL-3.0-or-later
"""GrooveNet live: a character that dances to the strip that plays."""
