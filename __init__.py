# SPDX-License-Identifier: GPL-3.0-or-later
"""AVAnim: sound becomes animation, and animation becomes sound. As a Blender extension and as the package `avanim`."""


def register() -> None:
    from .avanim_addon import registration

    registration.register()


def unregister() -> None:
    from .avanim_addon import registration

    registration.unregister()
