# SPDX-License-Identifier: GPL-3.0-or-later
"""What the presets of all the panels share: a group of `Scene.avanim` is kept under a name, in the panel's header."""

from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel


class AddPreset(AddPresetBase):
    """The button that keeps or removes a preset. A subclass names its `domain` and the properties that are `kept`."""

    domain: str
    kept: tuple[str, ...]

    def __init_subclass__(cls, **words: object) -> None:
        super().__init_subclass__(**words)
        cls.preset_menu = f"AVANIM_PT_{cls.domain}_presets"
        cls.preset_subdir = f"avanim/{cls.domain}"
        cls.preset_defines = (f"panel = bpy.context.scene.avanim.{cls.domain}",)
        cls.preset_values = tuple(f"panel.{name}" for name in cls.kept)


class Presets(PresetPanel):
    """The list of presets that the header opens. A subclass names the button that adds one, `adds`."""

    preset_operator = "script.execute_preset"
    adds: type[AddPreset]

    def __init_subclass__(cls, **words: object) -> None:
        super().__init_subclass__(**words)
        cls.preset_subdir = cls.adds.preset_subdir
        cls.preset_add_operator = cls.adds.bl_idname
