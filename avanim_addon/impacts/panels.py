# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab's impacts panel."""

import bpy

from ...rigs.impact.materials import MATERIALS
from ..errands import draw_errand
from ..scene.contacts import GROUND
from ..scene.impact_bodies import VALUES, material_of
from ..sidebar import Sidebar
from . import operators


class AVANIM_UL_impacts(bpy.types.UIList):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0):
        row = layout.row(align=True)
        row.active = not item.mute
        row.label(text=f"{item.frame:.1f}  {item.name}")
        row.prop(item, "gain", text="", emboss=False)
        row.prop(item, "mute", text="", emboss=False, icon="MUTE_IPO_ON" if item.mute else "MUTE_IPO_OFF")


class AVANIM_PT_impacts(Sidebar, bpy.types.Panel):
    bl_label = "Impacts"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        panel = context.scene.avanim.impacts
        column = layout.column()
        column.prop(panel, "layout")
        column.prop(panel, "damping", slider=True)
        column.prop(panel, "seed")
        column.prop(panel, "path")
        column.operator_context = "INVOKE_DEFAULT"
        draw_errand(column, "impacts", operators.AVANIM_OT_bake_impacts.bl_idname, "SPEAKER")
        if panel.found:
            row = column.row(align=True)
            row.label(text=panel.found, icon="INFO")
            row.operator(operators.AVANIM_OT_remove_impacts.bl_idname, text="", icon="TRASH")


class AVANIM_PT_impacts_material(Sidebar, bpy.types.Panel):
    bl_label = "Made Of"
    bl_parent_id = "AVANIM_PT_impacts"

    def draw(self, context):
        layout = self.layout
        obj = context.object
        name = operators.AVANIM_OT_impact_material.bl_idname
        if obj is not None and obj.type == "MESH":
            label = MATERIALS[material_of(obj)].label
            layout.operator_menu_enum(name, "material", text=f"{obj.name}: {label}").where = "OBJECT"
            if obj.active_material:
                layout.operator_menu_enum(name, "material", text=f"Slot {obj.active_material.name}").where = "SLOT"
            own = all(key in obj for key in VALUES.values())
            layout.operator(operators.AVANIM_OT_impact_values.bl_idname, depress=own, icon="PREFERENCES")
            if own:
                column = layout.column(align=True)
                for what, key in VALUES.items():
                    column.prop(obj, f'["{key}"]', text=what.title())
        ground = MATERIALS.get(str(context.scene.get(GROUND, "wood")), MATERIALS["wood"]).label
        layout.operator_menu_enum(name, "material", text=f"Bare ground: {ground}").where = "GROUND"


class AVANIM_PT_impacts_events(Sidebar, bpy.types.Panel):
    bl_label = "Events"
    bl_parent_id = "AVANIM_PT_impacts"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        panel = context.scene.avanim.impacts
        if not panel.events:
            layout.label(text="None yet", icon="INFO")
            return
        layout.template_list("AVANIM_UL_impacts", "", panel, "events", panel, "event", rows=4, maxrows=10)
        if 0 <= panel.event < len(panel.events):
            item = panel.events[panel.event]
            row = layout.row(align=True)
            row.prop(item, "first", text="")
            row.prop(item, "second", text="")
        layout.operator_context = "INVOKE_DEFAULT"
        draw_errand(layout, "rebake", operators.AVANIM_OT_rebake_impacts.bl_idname, "FILE_REFRESH")


CLASSES = (AVANIM_UL_impacts, AVANIM_PT_impacts, AVANIM_PT_impacts_material, AVANIM_PT_impacts_events)
