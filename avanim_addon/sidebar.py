# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the sidebar tab share."""

import bpy

from . import session
from .background import AVANIM_OT_cancel_job, AVANIM_OT_cancel_jobs
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


def draw_progress(row: bpy.types.UILayout, number: int) -> None:
    """How far a job is, and a way to stop it."""
    handle = session.running[number].handle
    row.progress(factor=handle.progress, text=handle.step[:1].upper() + handle.step[1:] + remaining(handle.eta))
    row.operator(AVANIM_OT_cancel_job.bl_idname, text="", icon="X").job = number


def draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context, operator: str, icon: str) -> None:
    """The big button; under it the jobs of its character."""
    row = layout.row()
    row.scale_y = 1.6
    row.operator(operator, icon=icon)
    for number in session.jobs_of(tracks.active_character(context)):
        draw_progress(layout.row(align=True), number)


class AVANIM_PT_jobs(Sidebar, bpy.types.Panel):
    bl_label = "Jobs"

    @classmethod
    def poll(cls, context):
        return bool(session.running)

    def draw(self, context):
        column = self.layout.column()
        for number, job in session.running.items():
            column.label(text=f"{job.name}: {job.title}", icon="SORTTIME" if job.handle.state == "queued" else "PLAY")
            draw_progress(column.row(align=True), number)
        if len(session.running) > 1:
            self.layout.operator(AVANIM_OT_cancel_jobs.bl_idname, icon="CANCEL")


CLASSES = (AVANIM_PT_jobs,)
