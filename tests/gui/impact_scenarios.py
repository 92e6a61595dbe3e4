# SPDX-License-Identifier: GPL-3.0-or-later
"""The impacts panel in Blender's window, see `drive.py`."""

import hashlib
import sys
import time
from pathlib import Path

import bpy
from file_scenarios import open_tab, show_only
from scenarios import Ticks, _addon, _gone, _strips
from take_scenarios import _click

sys.path.append(str(Path(__file__).parents[1] / "addon"))
from impact_scenes import drop

BAKE, REBAKE, HEAR = "avanim.bake_impacts", "avanim.rebake_impacts", "avanim.foley"


def _there(stage):
    """What a bake has put into the scene and onto the disk."""
    scene = bpy.context.scene
    return {
        "strips": sorted(strip.name for strip in _strips()),
        "markers": len(scene.timeline_markers),
        "events": len(scene.avanim.impacts.events),
        "sounds": len(bpy.data.sounds),
        "kept": bool(_addon("scene.impact_result").kept(scene)),
        "folders": sorted(path.name for path in stage.folder.glob("impacts*")),
        "hidden": sorted(str(path.relative_to(stage.folder)) for path in stage.folder.glob("**/.avanim*")),
    }


def _stems():
    """Each object's file, by name, and the file's hash."""
    stems = _addon("scene.impact_result").kept(bpy.context.scene)["stems"]
    return {name: [path, hashlib.sha256(Path(path).read_bytes()).hexdigest()] for name, path in stems.items()}


def impacts(stage):
    """Bake Impact Audio by real clicks: ESC in both of its halves, then to the end; undo; one event changed."""
    facts = stage.facts
    yield from open_tab(stage, "AVANIM_PT_impacts_events", "AVANIM_PT_foley")
    session = _addon("session")
    scene = bpy.context.scene
    _, thing = drop(scene, frames=48, ball=True)
    other = thing.copy()
    other.name, other.location = "Other", (1.5, 0, 1.0)
    scene.collection.objects.link(other)
    other["avanim_sound_material"] = "glass"
    # A second floor, so that the two have no sound in common.
    second = bpy.data.objects["Floor"].copy()
    second.name, second.location.x = "Second", 6.5
    other.location.x = 6.5
    scene.collection.objects.link(second)
    scene.frame_set(1)
    bpy.ops.wm.save_as_mainfile(filepath=str(stage.folder / "scene.blend"))
    before = hashlib.sha256((stage.folder / "scene.blend").read_bytes()).hexdigest()
    facts["refused"] = _addon("impacts.operators").why_no_bake(bpy.context)
    yield from show_only(stage, "AVANIM_PT_impacts")
    bpy.ops.ed.undo_push(message="Scene")
    yield 1.0
    stage.picture("panel_impacts_before")
    if facts["refused"]:
        yield 1.0
        yield from show_only(stage)
        return
    places = [(obj.name, list(obj.location)) for obj in scene.objects]
    found = yield from stage.buttons([BAKE])
    facts["buttons"] = list(found)

    # 1. ESC while the second Blender looks for contacts: over so many frames that it cannot be through before the key.
    last, scene.frame_end = scene.frame_end, 20000
    yield from _click(stage, found[BAKE])
    yield lambda: session.errand("impacts")
    running = session.running[session.errand("impacts")]
    yield lambda: running.own_worker.about
    pid = running.own_worker.about["pid"]
    began = time.perf_counter()
    stage.xdotool("key", "Escape")  # the sidebar is of the 3D view, too
    yield lambda: not session.errand("impacts")
    facts["esc_seconds"] = [time.perf_counter() - began]
    yield lambda: _gone(pid)
    scene.frame_end = last
    facts["after_esc"] = [_there(stage)]

    # 2. ESC while the sound is made, by the worker, which must start first: it would be too quick to be stopped.
    session.stop_worker()
    yield from _click(stage, found[BAKE])
    yield lambda: session.errand("impacts")
    running = session.running[session.errand("impacts")]
    yield lambda: running.own_worker is None
    facts["state_before_esc"] = running.handle.state
    began = time.perf_counter()
    stage.xdotool("key", "Escape")
    yield lambda: not session.errand("impacts")
    facts["esc_seconds"].append(time.perf_counter() - began)
    yield 3.0
    facts["after_esc"].append(_there(stage))

    # 3. To the end.
    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 2.0
    began = time.perf_counter()
    yield from _click(stage, found[BAKE])
    yield lambda: session.errand("impacts")
    pictured = False
    while session.errand("impacts"):
        if not pictured and session.running[session.errand("impacts")].handle.progress > 0.2:
            pictured = True
            stage.picture("baking")
        yield 0.05
    facts["seconds"] = time.perf_counter() - began
    facts["gaps"] = ticks.gaps(began, time.perf_counter())
    ticks.on = False
    yield 1.5
    facts["baked"] = _there(stage)
    facts["labels"] = [[item.name, item.frame, item.first, item.second] for item in scene.avanim.impacts.events]
    facts["found"] = scene.avanim.impacts.found
    stage.view.tag_redraw()  # what the list has moved down has come to rest
    yield 1.5
    stage.picture("panel_impacts")
    facts["region"] = [getattr(stage.region("UI"), name) for name in ("x", "y", "width", "height")]
    yield 1.0

    # 4. One undo takes all of it away, redo brings it back.
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield lambda: not _strips()
    yield 1.0
    scene = bpy.context.scene
    facts["after_undo"] = _there(stage)
    facts["same_places"] = [(obj.name, list(obj.location)) for obj in scene.objects] == places
    stage.xdotool("key", "ctrl+shift+z")
    yield lambda: len(_strips()) == len(facts["baked"]["strips"])
    yield 1.0
    scene = bpy.context.scene
    facts["after_redo"] = _there(stage)

    # 5. One event gets another strength and material; ESC while that is made leaves what was there; then it is done.
    facts["stems"] = [_stems()]
    panel = scene.avanim.impacts
    number = next(n for n, item in enumerate(panel.events) if item.name.startswith("Other"))
    item = panel.events[number]
    panel.event, item.gain, item.first = number, 0.5, "rubber"
    bpy.ops.ed.undo_push(message="Changed")
    stage.view.tag_redraw()
    yield 1.0
    found = yield from stage.buttons([REBAKE])
    facts["buttons"] += list(found)
    session.stop_worker()
    stage.point_at(*found[REBAKE])
    yield 0.3
    stage.xdotool("click", 1)
    yield lambda: session.errand("rebake")
    stage.xdotool("key", "Escape")
    yield lambda: not session.errand("rebake")
    yield 1.5
    facts["after_esc"].append(_there(stage))
    yield from _click(stage, found[REBAKE])
    yield lambda: _stems() != facts["stems"][0] and not session.errand("rebake")
    yield 1.0
    facts["changed"] = _there(stage)
    facts["stems"].append(_stems())

    # 6. And it is muted, and that undone.
    scene = bpy.context.scene
    scene.avanim.impacts.events[number].mute = True
    bpy.ops.ed.undo_push(message="Muted")
    yield from _click(stage, found[REBAKE])
    yield lambda: _stems() != facts["stems"][1] and not session.errand("rebake")
    yield 1.0
    facts["muted"] = _there(stage)
    facts["stems"].append(_stems())
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield lambda: len(_strips()) == len(facts["changed"]["strips"])
    yield 1.0
    facts["stems"].append(_stems())
    facts["same_file"] = before == hashlib.sha256((stage.folder / "scene.blend").read_bytes()).hexdigest()
    yield from _hear_a_film(stage)
    yield from show_only(stage)


def _heard(stage):
    """What a film has put onto the timeline and the disk."""
    scene = bpy.context.scene
    return {
        "strips": [strip.name for strip in _strips() if strip.name.startswith("shot")],
        "markers": len(scene.timeline_markers),
        "found": scene.avanim.foley.found,
        "kept": bool(_addon("scene.film_result").kept(scene)),
        "files": sorted(path.name for path in stage.folder.glob("*heard*")),
    }


def _hear_a_film(stage):
    """From a Film, in the same window: ESC in the middle, to the end, one undo."""
    facts, session = stage.facts, _addon("session")
    for name in ("AVANIM_PT_impacts_events", "AVANIM_PT_impacts_material"):
        bpy.utils.unregister_class(getattr(bpy.types, name))  # a list of events is too high to see what is below it
    panel = bpy.context.scene.avanim.foley
    panel.film, panel.path = str(stage.folder / "shot.mp4"), str(stage.folder / "heard.wav")
    bpy.ops.ed.undo_push(message="Film")
    stage.view.tag_redraw()
    yield 1.0
    stage.picture("panel_film_before")
    found = yield from stage.buttons([HEAR])
    facts["buttons"] += list(found)
    facts["film"] = [_heard(stage)]
    session.stop_worker()  # it must start first, which takes a while
    yield from _click(stage, found[HEAR])
    yield lambda: session.errand("foley")
    began = time.perf_counter()
    stage.xdotool("key", "Escape")
    yield lambda: not session.errand("foley")
    facts["esc_seconds"].append(time.perf_counter() - began)
    yield 3.0
    facts["film"].append(_heard(stage))
    yield from _click(stage, found[HEAR])
    yield lambda: session.errand("foley")
    yield lambda: not session.errand("foley")
    yield 1.5
    facts["film"].append(_heard(stage))
    strips = [strip for strip in _strips() if strip.name.startswith("shot")]
    facts["film_frames"] = [end - begin for _, begin, end in map(_addon("compat.versions").strip_range, strips)]
    facts["rate"] = bpy.context.scene.render.fps
    stage.picture("panel_film")
    yield 1.0
    stage.point_at_viewport()
    yield 0.3
    stage.xdotool("key", "ctrl+z")
    yield lambda: not _heard(stage)["strips"]
    yield 1.0
    facts["film"].append(_heard(stage))
