# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's sound: strips, their beats, the mix."""
