# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests inside Blender share."""

import dataclasses

import numpy as np
import pytest


@pytest.fixture
def ava(fresh_scene, puppet):
    """A character with all of ARKit's shapes; the add-on is registered."""
    import avanim
    from avanim.avanim_addon.scene.character import add_character
    from avanim.rigs.face import ARKIT_52

    avanim.register()
    body = puppet.meshes[0]
    shift = np.zeros_like(body.vertices)
    shift[0, 1] = 0.01
    face = dataclasses.replace(body, morphs={name: shift * (index + 1) for index, name in enumerate(ARKIT_52)})
    yield add_character(dataclasses.replace(puppet, meshes=[face]), correctives=False)
    avanim.unregister()
