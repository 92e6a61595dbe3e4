# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding characters, in the window."""
