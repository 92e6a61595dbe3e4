# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the sidebar tab share."""

import bpy

from . import session
from .generating import AVANIM_OT_cancel_job
from .takes import tracks


class Sidebar:
    """Where the panels stand."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AVAnim"


def remaining(seconds: float | None) -> str:
    """An ETA for people, e.g. "0:07 left"."""
    if seconds is None:
        return ""
    return f" · {int(seconds) // 60}:{int(seconds) % 60:02d} left"


def draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context, operator: str, icon: str) -> None:
    """The big button; while its character is worked on, how far that is, and a way to stop it."""
    handle = session.job_of(tracks.active_character(context))
    row = layout.row(align=True)
    row.scale_y = 1.6
    if handle:
        row.progress(factor=handle.progress, text=handle.step.capitalize() + remaining(handle.eta))
        row.operator(AVANIM_OT_cancel_job.bl_idname, text="", icon="X")
    else:
        row.operator(operator, icon=icon)
