# SPDX-License-Identifier: GPL-3.0-or-later
"""The two exceptions that have a meaning for the user."""


class InputError(Exception):
    """The input or the arguments are wrong. Its text is one plain sentence: what, where, what to do. Exit code 2."""


class Cancelled(Exception):
    """The user stopped the job. Raised out of a progress callback, so that the work unwinds from where it stands."""
