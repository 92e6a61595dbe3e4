# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools on a take: motion models that learn from it in a moment. Each makes another take."""
