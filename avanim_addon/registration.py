# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told of, in one list. A class stands behind those that it refers to.

A domain is a folder with any of the modules below. A module's `CLASSES` are told to Blender in that order; the settings
are the group AVANIM_PG_<domain> of `properties`, which becomes `Scene.avanim.<domain>`, and AVANIM_PG_<domain>_object,
where there is one, `Object.avanim.<domain>`; `ENTRIES` of `menus` maps names
of Blender's menus to functions that draw an entry there. So a new panel is a folder, and its name in `DOMAINS`.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

import bpy

from . import background, cli, errands, preferences, properties, runtime_operators, session, sidebar

# As their panels stand in the sidebar, and as a file dropped onto the view offers them.
DOMAINS = (
    "character", "dance", "live", "takes", "tools", "retarget", "face", "sound", "impacts", "foley", "render", "export",
)  # fmt: skip
_MODULES = ("presets", "operators", "menus", "panels")


def _modules(domain: str, *names: str) -> list[ModuleType]:
    """Those of these modules that the domain has."""
    found = [f"{__package__}.{domain}.{name}" for name in names]
    return [importlib.import_module(name) for name in found if importlib.util.find_spec(name)]


_SETTINGS = {domain: module for domain in DOMAINS for module in _modules(domain, "properties")}
_REST = [module for domain in DOMAINS for module in _modules(domain, *_MODULES)]
CLASSES: tuple[type, ...] = tuple(
    cls
    for module in (
        *(runtime_operators, preferences, *_SETTINGS.values(), properties, background, errands, *_REST),
        # The last panel: what comes and goes must not push buttons away under the mouse.
        sidebar,
    )
    for cls in getattr(module, "CLASSES", ())
)
_ENTRIES = [entry for module in _REST for entry in getattr(module, "ENTRIES", {}).items()]


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    for domain, module in _SETTINGS.items():
        group = getattr(module, f"AVANIM_PG_{domain}")
        setattr(properties.AVANIM_PG_scene, domain, bpy.props.PointerProperty(type=group))
        of_object = getattr(module, f"AVANIM_PG_{domain}_object", None)
        if of_object is not None:
            pointer = bpy.props.PointerProperty(type=of_object, override={"LIBRARY_OVERRIDABLE"})
            setattr(properties.AVANIM_PG_object, domain, pointer)
    bpy.types.Scene.avanim = bpy.props.PointerProperty(type=properties.AVANIM_PG_scene)
    # Of a library override, too: without this its table of bones could not be filled.
    bpy.types.Object.avanim = bpy.props.PointerProperty(
        type=properties.AVANIM_PG_object, override={"LIBRARY_OVERRIDABLE"}
    )
    bpy.types.Action.avanim = bpy.props.PointerProperty(type=properties.AVANIM_PG_action)
    for name, entry in _ENTRIES:
        getattr(bpy.types, name).append(entry)
    session.register()
    runtime_operators.register()
    cli.register()


def unregister() -> None:
    # The jobs first: their operators must be done before their classes go.
    cli.unregister()
    runtime_operators.unregister()
    session.unregister()
    for name, entry in _ENTRIES:
        getattr(bpy.types, name).remove(entry)
    del bpy.types.Action.avanim
    del bpy.types.Object.avanim
    del bpy.types.Scene.avanim
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
