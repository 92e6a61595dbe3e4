# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools' buttons."""

import bpy

from ...models.dance.families import TOOLS
from ..generating import Generate, new_seed, why_no_job
from ..takes import tracks
from ..takes.operators import selected_take
from .properties import SLIDERS
from .request import ToolRequest


def why_no_tool(context: bpy.types.Context) -> str:
    """Why the tool cannot work on the selected take, in one sentence; empty when it can."""
    reason, action = why_no_job(context), selected_take(context)
    panel = context.scene.avanim.tools
    if reason:
        return reason
    if action is None:
        return "Select a take in the list first"
    if tracks.is_face(action):
        return f"{action.name} is a take of the face; select one of the body"
    if TOOLS[panel.tool].needs_other and panel.other in (None, action):
        return f"Choose another take beside {action.name} first"
    if panel.tool == "gp" and panel.span == "PREVIEW" and not context.scene.use_preview_range:
        return "Draw a preview range in the timeline first (P)"
    if panel.tool == "gp" and panel.span == "MARKERS" and sum(m.select for m in context.scene.timeline_markers) < 2:
        return "Select two markers in the timeline first"
    return ""


class AVANIM_OT_use_tool(Generate, bpy.types.Operator):
    bl_idname = "avanim.use_tool"
    bl_label = "Use Tool"
    bl_description = "Make another take of the selected one, which is muted; nothing of it is changed. ESC cancels"
    why_not = staticmethod(why_no_tool)

    def request(self, context):
        armature, action = tracks.active_character(context), selected_take(context)
        assert action is not None  # why_no_tool
        return ToolRequest.from_panel(context.scene, armature, action)


class AVANIM_OT_reset_sliders(bpy.types.Operator):
    bl_idname = "avanim.reset_sliders"
    bl_label = "Reset Sliders"
    bl_description = "Set all components back to what the take has"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context):
        panel = context.scene.avanim.tools
        panel.gains, panel.offsets = (1.0,) * SLIDERS, (0.0,) * SLIDERS
        return {"FINISHED"}


class AVANIM_OT_new_tool_seed(bpy.types.Operator):
    bl_idname = "avanim.new_tool_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context):
        context.scene.avanim.tools.seed = new_seed({context.scene.avanim.tools.seed})
        return {"FINISHED"}


CLASSES = (AVANIM_OT_use_tool, AVANIM_OT_reset_sliders, AVANIM_OT_new_tool_seed)
