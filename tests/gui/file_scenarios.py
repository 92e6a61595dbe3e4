# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels that write files, in Blender's window, see `drive.py`."""

import importlib
import os
import signal
import time
from pathlib import Path

import bpy
import numpy as np
from scenarios import MODULE, Ticks, _addon, _gone

_FRAMES = 36
_TABS = 28  # pixels at the sidebar's right edge


def _panels():
    return [cls for cls in _addon("registration").CLASSES if getattr(cls, "bl_category", "") == "AVAnim"]


def open_tab(stage, *also):
    """Install the extension and show its tab with all panels open, which Blender lets no script do later.

    also: names of sub-panels that are to be open, too.
    """
    bpy.ops.extensions.package_install_files(
        filepath=stage.arguments["extension"], repo="user_default", enable_on_install=True
    )
    for cls in reversed(_panels()):
        bpy.utils.unregister_class(cls)
    for cls in _panels():
        if not hasattr(cls, "bl_parent_id") or cls.__name__ in also:
            cls.bl_options = set(getattr(cls, "bl_options", ())) - {"DEFAULT_CLOSED"}
        bpy.utils.register_class(cls)
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    stage.view.spaces.active.show_region_ui = True
    yield 1.0
    stage.region("UI").active_panel_category = "AVAnim"
    yield 1.0


def show_only(stage, *names):
    """Scenario part: of the tab's panels only these and their sub-panels are there; without names all are."""
    for cls in reversed(_panels()):
        if cls.is_registered:
            bpy.utils.unregister_class(cls)
    for cls in _panels():
        if not names or cls.__name__ in names or getattr(cls, "bl_parent_id", "") in names:
            bpy.utils.register_class(cls)
    yield 0.4
    stage.region("UI").active_panel_category = "AVAnim"
    yield 0.4


def stage_dance(stage):
    """A character that moves its body and its jaw for a second and a half, to the song, in a saved file."""
    rigs = f"{MODULE}.rigs"
    motion = importlib.import_module(f"{rigs}.motion").Motion
    bpy.ops.avanim.add_character()
    armature = bpy.context.view_layer.objects.active
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, _FRAMES
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 128, 72, 100
    poses = np.zeros((_FRAMES, 24, 3))
    poses[:, 16, 2] = np.linspace(0, 1.2, _FRAMES)
    _addon("scene.take").write_take(armature, motion(poses, np.zeros((_FRAMES, 3)), 24.0), "wave")
    keys = _addon("scene.face_file").face_mesh(armature).data.shape_keys
    for frame, value in ((1, 0.0), (_FRAMES, 0.8)):
        keys.key_blocks["jawOpen"].value = value
        keys.key_blocks["jawOpen"].keyframe_insert("value", frame=frame)
    strip = _addon("scene.sound").add_sound_strip(scene, stage.arguments["song"], 1)
    scene.avanim.sound.strip = strip.name
    bpy.ops.wm.save_as_mainfile(filepath=str(stage.folder / "dance.blend"))
    return armature


def files(stage):
    """Each of the panels is opened, its buttons are clicked, and what they write is there."""
    yield from open_tab(stage)
    armature = stage_dance(stage)
    scene = bpy.context.scene
    errands, session = _addon("errands"), _addon("session")
    facts = stage.facts
    settings = scene.render.engine, scene.render.filepath, scene.render.image_settings.file_format, scene.frame_current

    def run(kind, name=None):
        """Until the errand that has begun has ended; the seconds it took."""
        yield lambda: session.errand(kind)
        began = time.perf_counter()
        while session.errand(kind):
            if name and session.running[session.errand(kind)].handle.progress > 0.2:
                stage.picture(name)
                name = None
            yield 0.05
        yield 0.3
        return time.perf_counter() - began

    def click(place):
        stage.point_at(*place)
        yield 0.2
        stage.xdotool("click", 1)

    def press(operator):
        with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
            return getattr(bpy.ops.avanim, operator)("INVOKE_DEFAULT")

    # 1. Export.
    yield from show_only(stage, "AVANIM_PT_export")
    found = yield from stage.buttons(["avanim.export_character"])
    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 4.0
    began = time.perf_counter()
    yield from click(found["avanim.export_character"])
    facts["export_seconds"] = yield from run("export", "exporting")
    facts["export_gaps"] = ticks.gaps(began, time.perf_counter())
    ticks.on = False
    facts["export"] = [Path(errands.written["export"]).name, Path(errands.written["export"]).stat().st_size]
    mixes = _addon("compat.versions").CAN_MIX
    facts["export_sound"] = (stage.folder / "export.wav").stat().st_size if mixes else None
    stage.picture("export")
    yield 1.0

    # 2. A studio, a still.
    yield from show_only(stage, "AVANIM_PT_render")
    found = yield from stage.buttons(["avanim.add_studio", "avanim.render_still", "avanim.playblast"])
    facts["buttons"] = sorted(found)
    yield from click(found["avanim.add_studio"])
    yield lambda: scene.camera is not None
    yield 0.5
    stage.point_at_viewport()
    yield from click(found["avanim.render_still"])
    facts["still_seconds"] = yield from run("render", "drawing")
    facts["still"] = Path(errands.written["render"]).name
    stage.picture("still")
    yield 1.0

    # 3. A film, cancelled with ESC, and one to its end.
    press("render_film")
    film = session.running[session.errand("render")]
    yield lambda: film.own_worker.about
    pid = film.own_worker.about["pid"]
    yield lambda: film.handle.progress > 0.1
    stage.point_at_viewport()
    began = time.perf_counter()
    stage.xdotool("key", "Escape")
    yield lambda: not session.errand("render")
    facts["esc_seconds"] = time.perf_counter() - began
    yield lambda: _gone(pid)
    yield lambda: not list(stage.folder.glob(".avanim*"))
    facts["after_esc"] = sorted(path.name for path in stage.folder.glob("render*"))
    press("render_film")
    facts["film_seconds"] = yield from run("render")
    facts["film"] = Path(errands.written["render"]).name

    # 4. A playblast.
    scene.avanim.render.path = "//view"
    scene.frame_set(7)
    press("playblast")
    facts["playblast_seconds"] = yield from run("render")
    facts["playblast"] = [Path(errands.written["render"]).name, scene.frame_current]

    # 5. Sound and face.
    yield from show_only(stage, "AVANIM_PT_sound", "AVANIM_PT_face")
    stage.picture("sound")
    facts["mix"] = None
    if mixes:
        press("mix_sound")
        yield from run("mix")
        facts["mix"] = (stage.folder / "sound.wav").stat().st_size
    press("find_beats")
    yield from run("beats")
    facts["beats"] = [scene.avanim.sound.found, len(scene.timeline_markers)]
    bpy.context.view_layer.objects.active = armature
    press("export_face")
    yield from run("face")
    facts["face"] = (stage.folder / "face.csv").read_text().count("\n")
    stage.picture("face")
    yield 1.0

    yield from show_only(stage)
    scene.frame_set(1)
    after = scene.render.engine, scene.render.filepath, scene.render.image_settings.file_format, scene.frame_current
    facts["settings_kept"] = after == settings
    facts["left"] = [path.name for path in Path("/tmp").glob("avanim-*")]


def quit_in_the_middle(stage):
    """While a second Blender renders a film, the extension is switched off; once more, and Blender quits."""
    yield from open_tab(stage)
    stage_dance(stage)
    bpy.ops.avanim.add_studio()

    def begin():
        with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
            bpy.ops.avanim.render_film("INVOKE_DEFAULT")
        session = _addon("session")
        film = session.running[session.errand("render")]
        yield lambda: film.handle.progress > 0.1
        return film

    film = yield from begin()
    pid = film.own_worker.about["pid"]
    bpy.ops.preferences.addon_disable(module=MODULE)
    yield lambda: _gone(pid) and not list(stage.folder.glob(".avanim*"))
    stage.facts["disabled"] = film.handle.state
    yield 1.0
    bpy.ops.preferences.addon_enable(module=MODULE)
    # Up to 4.3 Blender stumbles over the operator that went with the extension, unless the mouse has moved.
    stage.point_at_viewport()
    yield 0.5
    film = yield from begin()
    stage.facts["in_the_middle"] = [film.handle.state, _gone(film.own_worker.about["pid"])]


def killed(stage):
    """Blender itself is killed while the worker dances and a second Blender renders a film."""
    yield from open_tab(stage)
    armature = stage_dance(stage)
    bpy.ops.avanim.add_studio()
    bpy.context.view_layer.objects.active = armature
    bpy.context.scene.avanim.dance.audio = stage.arguments["song"]
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.avanim.generate_dance("INVOKE_DEFAULT")
        bpy.ops.avanim.render_film("INVOKE_DEFAULT")
    running = list(_addon("session").running.values())
    yield lambda: all(job.handle.state == "running" or job.handle.ended for job in running)
    stage.facts["in_the_middle"] = [job.handle.state for job in running]
    stage.end()
    os.kill(os.getpid(), signal.SIGKILL)


def _shot(stage, name, area, region):
    """A picture of the screen, and which part of it is wanted: left, top, right, bottom."""
    stage.picture(name)
    top = stage.window.height - region.y - region.height
    right = min(region.x + region.width, area.x + area.width)
    if region.type == "UI":
        right -= _TABS
    stage.facts[name] = [region.x, top, right, top + region.height]


def pictures(stage):
    """What pictures.py cuts the documentation's pictures out of."""
    # Else the view shines through the sidebar.
    bpy.context.preferences.system.use_region_overlap = False
    yield from open_tab(stage)
    scene, view = bpy.context.scene, bpy.context.scene.avanim
    armature = stage_dance(stage)
    for track in list(armature.animation_data.nla_tracks):
        armature.animation_data.nla_tracks.remove(track)
    view.dance.audio, view.dance.seconds = "//" + Path(stage.arguments["song"]).name, 12.0
    view.dance.beat_markers = True
    session, tracks = _addon("session"), _addon("takes.tracks")
    view_region = stage.region("WINDOW")
    for view.dance.seed in (1, 2, 3):
        with bpy.context.temp_override(window=stage.window, area=stage.view, region=view_region):
            bpy.ops.avanim.generate_dance("INVOKE_DEFAULT")
    yield from show_only(stage, "AVANIM_PT_jobs")
    yield lambda: any(0.2 < job.handle.progress < 0.9 for job in session.running.values())
    _shot(stage, "panel_jobs", stage.view, stage.region("UI"))
    yield lambda: not session.running
    tracks.use_only(armature, tracks.take_tracks(armature)[1])
    tracks.take_on(tracks.take_tracks(armature)[1]).avanim.star = True
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=view_region):
        bpy.ops.avanim.add_studio()
        bpy.ops.avanim.find_beats("INVOKE_DEFAULT")
    yield lambda: not session.errand("beats")
    stage.point_at_viewport()
    # The whole window.
    yield from show_only(stage, "AVANIM_PT_character", "AVANIM_PT_dance", "AVANIM_PT_takes")
    space = stage.view.spaces.active
    space.shading.type = "MATERIAL"
    space.overlay.show_overlays = space.show_gizmo = False
    scene.frame_set(100)
    space.region_3d.view_rotation = (0.78, 0.56, 0.16, 0.22)
    space.region_3d.view_location = (0.3, 0, 0.85)
    space.region_3d.view_distance = 3.8
    # Shaders compile for a while without a graphics card.
    yield 60.0
    stage.picture("panel")
    stage.facts["panel"] = [0, 0, stage.window.width, stage.window.height]
    yield 3.0
    for panel in ("character", "dance", "takes", "face", "sound", "render", "export"):
        yield from show_only(stage, f"AVANIM_PT_{panel}")
        yield 1.0
        _shot(stage, f"panel_{panel}", stage.view, stage.region("UI"))
        yield 1.0
    # With its tables, which are those of a rig of one's own.
    bring_rig = importlib.import_module("retarget_scenarios").bring_rig
    bring_rig(stage)
    bpy.ops.avanim.map_bones()
    bpy.ops.avanim.map_face()
    yield from show_only(stage, "AVANIM_PT_retarget")
    yield 1.0
    _shot(stage, "panel_retarget", stage.view, stage.region("UI"))
    yield 1.0
    bpy.context.view_layer.objects.active = armature
    # A sub-panel that is closed at first, by itself.
    closed = _addon("dance.panels").AVANIM_PT_dance_choreography
    alone = type("AVANIM_PT_alone", (_addon("sidebar").Sidebar, bpy.types.Panel), {"draw": closed.draw})
    alone.bl_label = closed.bl_label
    bpy.utils.register_class(alone)  # first: a tab without panels goes
    yield from show_only(stage, alone.__name__)
    yield 1.0
    _shot(stage, "panel_choreography", stage.view, stage.region("UI"))
    yield 1.0
    bpy.utils.unregister_class(alone)
    yield from show_only(stage)

    # The preferences, in the view's place.
    area = stage.view
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "AVAnim"
    bpy.ops.avanim.test_python()
    yield 3.0
    # The arrow that unfolds the add-on.
    region = next(region for region in area.regions if region.type == "WINDOW")
    stage.point_at(region.x + 22, region.y + region.height - 54)
    stage.xdotool("click", 1)
    yield 2.0
    _shot(stage, "preferences", area, region)
    stage.facts["preferences"][1] += 228  # what Blender says of every extension
    yield 1.0
    area.type = "VIEW_3D"
