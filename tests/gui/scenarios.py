# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests do in Blender's window, see `drive.py`."""

import contextlib
import importlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import bpy
import numpy as np

MODULE = "bl_ext.user_default.avanim"
GENERATE, ADD = "avanim.generate_dance", "avanim.add_character"


def _addon(name):
    return importlib.import_module(f"{MODULE}.avanim_addon.{name}")


def _strips():
    return _addon("compat.versions").all_strips(bpy.context.scene)


class Ticks:
    """How long the window's main loop takes from one turn to the next."""

    def __init__(self) -> None:
        self.times = []
        self.on = True

    def __call__(self):
        self.times.append(time.perf_counter())
        return 0.005 if self.on else None

    def gaps(self, start, end):
        inside = [t for t in self.times if start <= t <= end]
        return [b - a for a, b in itertools.pairwise(inside)]


def _open_tab(stage):
    bpy.ops.extensions.package_install_files(
        filepath=stage.arguments["extension"], repo="user_default", enable_on_install=True
    )
    stage.facts["enabled"] = MODULE in bpy.context.preferences.addons
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    stage.view.spaces.active.show_region_ui = True
    yield 1.0
    stage.region("UI").active_panel_category = "AVAnim"
    yield 1.0
    stage.facts["tab"] = stage.region("UI").active_panel_category
    stage.facts["torch_in_blender"] = [name for name in ("torch", "scipy", "librosa") if name in sys.modules]
    bpy.ops.ed.undo_push(message="Begin")


def _add_character(stage):
    found = yield from stage.buttons([ADD])
    stage.facts["buttons"] = found
    began = time.perf_counter()
    stage.point_at(*found[ADD])
    stage.xdotool("click", 1)
    yield lambda: any(obj.type == "ARMATURE" for obj in bpy.data.objects)
    stage.facts["add_seconds"] = time.perf_counter() - began
    yield 1.0
    armature = bpy.context.view_layer.objects.active
    stage.facts["character"] = {"name": armature.name, "bones": len(armature.data.bones)}


def dance(stage):
    """Install, add a character, generate, cancel, generate, undo: all with the mouse and the keyboard."""
    yield from _open_tab(stage)
    stage.picture("tab")
    yield 0.5
    yield from _add_character(stage)
    stage.picture("character")
    yield 0.5
    session, tracks = _addon("session"), _addon("takes.tracks")
    bpy.context.scene.avanim.dance.audio = stage.arguments["song"]
    yield 0.5

    armature = bpy.context.view_layer.objects.active
    found = yield from stage.buttons([GENERATE])
    stage.facts["buttons"].update(found)

    # 1. Begun, and cancelled with ESC while it runs.
    stage.point_at(*found[GENERATE])
    stage.xdotool("click", 1)
    yield lambda: session.running
    stage.point_at_viewport()
    handle = session.job_of(armature)
    yield lambda: handle.state == "running" or handle.ended
    stage.facts["state_before_esc"] = handle.state
    began = time.perf_counter()
    stage.xdotool("key", "Escape")
    yield lambda: not session.running
    stage.facts["esc_seconds"] = time.perf_counter() - began
    stage.facts["state_after_esc"] = handle.state
    stage.facts["actions_after_esc"] = len(bpy.data.actions)

    # 2. To the end, with the main loop's ticks counted. The first seconds after a change of the window go into
    # compiling shaders.
    yield 5.0
    stage.point_at(*found[GENERATE])
    ticks = Ticks()
    bpy.app.timers.register(ticks)
    yield 2.0 if stage.arguments.get("timed") else 0.5
    stage.facts["idle_gaps"] = ticks.gaps(0, time.perf_counter())
    stage.xdotool("click", 1)
    yield lambda: session.running
    began = time.perf_counter()
    stage.point_at_viewport()
    handle = session.job_of(armature)
    pictured = False
    seen = []
    while not handle.ended:
        seen.append(handle.progress)
        # A picture of the screen holds the window up, too.
        if not pictured and handle.progress > 0.3 and not stage.arguments.get("timed"):
            pictured = True
            stage.picture("progress")
        yield 0.05
    ended = time.perf_counter()
    yield lambda: not session.running
    applied = time.perf_counter()
    yield 1.0
    ticks.on = False
    stage.facts["state"] = handle.state
    stage.facts["job_error"] = handle.error
    stage.facts["progress_seen"] = sorted(set(seen))
    stage.facts["seconds"] = ended - began
    stage.facts["apply_seconds"] = applied - ended
    stage.facts["gaps"] = ticks.gaps(began, ended)
    stage.facts["takes"] = [tracks.take_on(track).name for track in tracks.take_tracks(armature)]
    scene = bpy.context.scene
    stage.facts["sound_strips"] = [strip.name for strip in _strips()]
    stage.facts["frame_end"] = scene.frame_end
    stage.facts["worker"] = session.worker().about
    scene.frame_set(90)
    yield 1.0
    stage.picture("dance")
    yield 1.0

    # 3. One undo takes it all away, redo brings it back.
    stage.point_at_viewport()
    stage.xdotool("key", "ctrl+z")
    yield 1.0
    armature = bpy.context.view_layer.objects.active
    stage.facts["after_undo"] = {
        "actions": len(bpy.data.actions),
        "takes": len(tracks.take_tracks(armature)),
        "character": armature.name,
        "strips": len(_strips()),
    }
    stage.xdotool("key", "ctrl+shift+z")
    yield 1.0
    armature = bpy.context.view_layer.objects.active
    stage.facts["after_redo"] = {"takes": len(tracks.take_tracks(armature))}
    installed = Path(_addon("registration").__file__).parents[1]
    stage.facts["installed"] = [
        path.relative_to(installed).as_posix()
        for path in installed.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts  # Blender's own
    ]
    stage.picture("end")
    yield 1.0


def _press_generate(stage):
    """What the button does, without looking for it."""
    region = stage.region("WINDOW")
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=region):
        return bpy.ops.avanim.generate_dance("INVOKE_DEFAULT")


def _begin(stage, **settings):
    """A character and a job that runs. Returns its handle."""
    if not any(obj.type == "ARMATURE" for obj in bpy.data.objects):
        bpy.ops.avanim.add_character()
        bpy.ops.ed.undo_push(message="Character")
    panel = bpy.context.scene.avanim.dance
    panel.audio = stage.arguments["song"]
    for name, value in settings.items():
        setattr(panel, name, value)
    yield 0.3
    _press_generate(stage)
    handle = _newest().handle
    yield lambda: handle.state == "running" or handle.ended
    return handle


def _newest():
    return list(_addon("session").running.values())[-1]


@contextlib.contextmanager
def _held():
    """Keeps the worker from going on, so that there is time for what is to happen in the middle of its job."""
    pid = _addon("session").worker().about["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _takes(armature):
    tracks = _addon("takes.tracks")
    return [tracks.take_on(track).name for track in tracks.take_tracks(armature)]


def _look_at(stage, obj):
    """Turn the view to it."""
    for other in bpy.context.view_layer.objects:
        other.select_set(other == obj)
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.view3d.view_selected()


def guards(stage):
    """What may happen to a job: queued, cancelled, killed, its file or its add-on gone."""
    yield from _open_tab(stage)
    session = _addon("session")
    facts = stage.facts

    # The same wish a second time is refused, another waits; so does one for another character.
    handle = yield from _begin(stage)
    with _held():
        try:
            _press_generate(stage)
        except RuntimeError as error:
            facts["second_job"] = str(error)
        ava = bpy.context.view_layer.objects.active
        bpy.context.scene.avanim.dance.seed = 2
        _press_generate(stage)
        bpy.ops.avanim.add_character()
        leo = bpy.context.view_layer.objects.active
        leo.location.x = 1
        _press_generate(stage)
        yield 0.5
        facts["list"] = [[job.name, job.title, job.handle.state] for job in session.running.values()]
        stage.picture("jobs")
        yield 0.5

        # ESC beside the view does nothing, over it it stops the active character's job.
        properties = next(area for area in stage.window.screen.areas if area.type == "PROPERTIES")
        stage.point_at(properties.x + 50, properties.y + 10)
        stage.xdotool("key", "Escape")
        yield 0.5
        facts["escape_beside"] = [job.handle.state for job in session.running.values()]
        stage.point_at_viewport()
        stage.xdotool("key", "Escape")
        yield lambda: len(session.running) == 2
        facts["escape_over"] = [job.name for job in session.running.values()]
    yield lambda: not session.running
    facts["queue"] = [handle.state, _takes(ava), _takes(leo)]
    bpy.data.objects.remove(leo)
    bpy.context.view_layer.objects.active = ava

    # The button at the right end of the progress bar, under the big one. The worker does not listen, being held.
    found = yield from stage.buttons([GENERATE])
    handle = yield from _begin(stage, seed=3)
    with _held() as pid:
        region = stage.region("UI")
        stage.point_at(region.x + region.width * 0.86, found[GENERATE][1] - 32)
        yield 0.5
        began = time.perf_counter()
        stage.xdotool("click", 1)
        yield lambda: not session.running
        facts["button_seconds"] = time.perf_counter() - began
        yield lambda: _gone(pid)
        facts["killed_seconds"] = time.perf_counter() - began
    facts["after_button"] = handle.state
    yield 0.5

    # The worker is killed.
    handle = yield from _begin(stage)
    os.kill(session.worker().about["pid"], signal.SIGKILL)
    yield lambda: not session.running
    facts["killed"] = [handle.state, handle.error]
    yield 0.5
    stage.picture("killed")

    # Another file is loaded.
    handle = yield from _begin(stage)
    facts["restarted"] = handle.state
    with bpy.context.temp_override(window=stage.window):
        bpy.ops.wm.read_homefile(app_template="")
    facts["loaded"] = [handle.state, len(session.running)]
    yield 1.0
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)

    # The extension is switched off.
    handle = yield from _begin(stage)
    pid = session.worker().about["pid"]
    began = time.perf_counter()
    bpy.ops.preferences.addon_disable(module=MODULE)
    yield lambda: _gone(pid)
    facts["disabled"] = [handle.state, time.perf_counter() - began, hasattr(bpy.types.Scene, "avanim")]
    yield 1.0
    bpy.ops.preferences.addon_enable(module=MODULE)
    yield 0.5
    facts["enabled_again"] = hasattr(bpy.types.Scene, "avanim")

    # Blender quits. Up to 4.3 it stumbles over the operator that went with the extension, unless the mouse has moved.
    stage.point_at_viewport()
    yield 0.5
    yield from _begin(stage)
    os.kill(_addon("session").worker().about["pid"], signal.SIGSTOP)


def stress(stage):
    """What may happen to the scene while a job runs; the result comes all the same."""
    yield from _open_tab(stage)
    session, facts = _addon("session"), stage.facts

    # The preview of a long song, once the worker is warm, and the time until it and the result are there.
    yield from _begin(stage)
    yield lambda: not session.running
    bpy.context.scene.avanim.dance.seed = 2
    began = time.perf_counter()
    _press_generate(stage)
    job = _newest()
    yield lambda: session.worker().poll() or job.handle.preview or job.handle.ended
    with _held():
        yield lambda: job.shown or job.handle.ended
        facts["preview"] = [job.handle.state, time.perf_counter() - began, len(bpy.data.actions)]
        _look_at(stage, bpy.context.view_layer.objects.active)
        bpy.context.scene.frame_set(60)
        yield 1.0
        stage.picture("preview")
        yield 1.0
        path = str(stage.folder / "middle.blend")
        bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
        with bpy.data.libraries.load(path) as (inside, _):
            facts["saved"] = list(inside.actions)
        # Renamed, and at another frame rate.
        ava = bpy.context.view_layer.objects.active
        ava.name = "Anna"
        bpy.context.scene.render.fps = 30
        yield 0.3
    resumed = time.perf_counter()
    yield lambda: job.handle.ended
    facts["result_seconds"] = facts["preview"][1] + time.perf_counter() - resumed
    yield lambda: not session.running
    facts["renamed"] = [job.name, _takes(ava)]
    takes = [_addon("takes.tracks").take_on(track) for track in _addon("takes.tracks").take_tracks(ava)]
    facts["frames"] = [[take["avanim_fps"], take["avanim_frames"]] for take in takes]
    bpy.ops.wm.save_as_mainfile(filepath=str(stage.folder / "takes.blend"), copy=True)
    bpy.context.scene.frame_set(300)
    facts["pose"] = [list(bone.head) for bone in ava.pose.bones]

    # Undone and redone while it runs: the character goes and comes back, and gets its take.
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.ed.undo_push(message="Empty")
    yield from _begin(stage, seed=5)
    with _held():
        stage.point_at_viewport()
        stage.xdotool("key", "ctrl+z")
        yield lambda: not bpy.data.objects
        yield 0.5
        stage.xdotool("key", "ctrl+shift+z")
        yield lambda: len(bpy.data.objects)
        yield 0.5
    yield lambda: not session.running
    armature = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    facts["redone"] = _takes(armature)

    # The character is deleted with the key for it.
    bpy.context.view_layer.objects.active = armature
    yield from _begin(stage, seed=6)
    with _held():
        for obj in bpy.data.objects:
            obj.select_set(True)
        stage.point_at_viewport()
        stage.xdotool("key", "Delete")
        yield lambda: not bpy.context.scene.objects
    yield lambda: not session.running
    facts["kept"] = [action.name for action in bpy.data.actions if action.name.endswith(" 6") and action.use_fake_user]
    stage.picture("kept")
    yield 1.0

    # The disk is full: the worker's folder has room for a few bytes.
    tiny = stage.folder / "tiny"
    tiny.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tiny)], check=True)
    tempfile.tempdir = str(tiny)
    handle = yield from _begin(stage, seed=7)
    yield lambda: not session.running
    facts["full"] = [handle.state, handle.error, [entry.name for entry in tiny.iterdir()]]
    tempfile.tempdir = None
    subprocess.run(["umount", str(tiny)], check=True)

    # Its Python is removed: this job ends well, the next one says what to do.
    python = stage.folder / "python"
    python.write_text(f'#!/bin/sh\nexec {os.environ["AVANIM_PYTHON"]} "$@"\n')
    python.chmod(0o755)
    session.preferences().python = str(python)
    handle = yield from _begin(stage, seed=8)
    python.unlink()
    yield lambda: not session.running
    facts["python_removed"] = [handle.state]
    session.stop_worker()
    handle = yield from _begin(stage, seed=9)
    yield lambda: not session.running
    facts["python_removed"] += [handle.state, handle.error]


class _Answer:
    """Stands for the worker's answer to a job: done from the beginning."""

    state, error, ended, progress, step, eta, preview = "done", "", True, 1.0, "", None, {}

    def __init__(self, result):
        self.result = result

    def cancel(self):
        pass


def _a_minute(stage, fps):
    """The song's path, and the worker's answer to it: a minute of movement."""
    rigs = f"{MODULE}.rigs"
    motion_module, beats_module = importlib.import_module(f"{rigs}.motion"), importlib.import_module(f"{rigs}.beats")
    seconds = 60
    song = stage.folder / "minute.wav"
    with wave.open(str(song), "wb") as file:
        file.setparams((1, 2, 22050, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(0).integers(-2000, 2000, 22050 * seconds, np.int16).tobytes())
    frames = seconds * fps
    poses = np.cumsum(np.random.default_rng(0).normal(size=(frames, 24, 3)) * 0.01, axis=0)
    path = stage.folder / "minute.npz"
    motion_module.Motion(poses, np.zeros((frames, 3)), fps).save(path)
    beats = beats_module.Beats(np.arange(0, seconds, 0.5), np.arange(2 * seconds) % 4, 120.0, 4)
    return song, _Answer({"motion": str(path), "beats": beats.to_dict(), "settings": {"method": "melody", "seed": 1}})


def writing(stage):
    """A minute of dance is written, with its sound and its markers, while the main loop's turns are timed."""
    yield from _open_tab(stage)
    fps = stage.arguments["fps"]
    song, answer = _a_minute(stage, fps)
    bpy.ops.avanim.add_character()
    armature = bpy.context.view_layer.objects.active
    scene = bpy.context.scene
    scene.render.fps = fps
    scene.avanim.dance.audio, scene.avanim.dance.beat_markers = str(song), True
    bpy.ops.ed.undo_push(message="Character")
    # Without a graphics card drawing a 3D view takes 200 ms whatever it shows, so that there must be none. The figure
    # is evaluated all the same.
    stage.view.type = "NODE_EDITOR"
    session, tracks = _addon("session"), _addon("takes.tracks")
    session.worker().submit = lambda job: answer
    own = []
    job = _addon("generating").Generate
    done = job._done

    def timed(self, context):
        began = time.perf_counter()
        try:
            return done(self, context)
        finally:
            own.append(time.perf_counter() - began)

    job._done = timed
    ticks = Ticks()
    bpy.app.timers.register(ticks)
    # The first seconds go into compiling shaders.
    yield 6.0
    stage.facts["rounds"] = []
    for _ in range(5):
        own.clear()
        began = time.perf_counter()
        with bpy.context.temp_override(window=stage.window):
            bpy.ops.avanim.generate_dance("INVOKE_DEFAULT")
        yield lambda: not session.running
        ended = time.perf_counter()
        yield 1.5
        gaps = ticks.gaps(began - 0.1, time.perf_counter())
        stage.facts["rounds"].append({"seconds": ended - began, "longest": max(gaps), "own": max(own)})
        stage.facts["takes"] = len(tracks.take_tracks(armature))
        with bpy.context.temp_override(window=stage.window):
            bpy.ops.ed.undo()
        yield 1.5
        armature = bpy.context.view_layer.objects.active
        stage.facts["after_undo"] = [len(bpy.data.actions), len(tracks.take_tracks(armature))]
    ticks.on = False


def drop(stage):
    """A song is dropped onto the view, where no character is: Blender's own menu asks what to do with it."""
    yield from _open_tab(stage)
    song, answer = _a_minute(stage, 24)
    session, tracks = _addon("session"), _addon("takes.tracks")
    session.worker().submit = lambda job: answer

    def let_go():
        stage.point_at_viewport()
        yield 0.5
        with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
            # What Blender runs when the mouse lets go of a file.
            bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=str(song.parent), files=[{"name": song.name}])
        yield 1.0

    yield from let_go()
    stage.picture("drop")
    yield 0.5
    stage.xdotool("key", "d")
    yield lambda: session.running
    yield lambda: not session.running
    yield 0.5
    armature = bpy.context.view_layer.objects.active
    stage.facts["dance"] = [tracks.take_on(track).name for track in tracks.take_tracks(armature)]
    stage.picture("dropped")
    yield 0.5
    with bpy.context.temp_override(window=stage.window):
        bpy.ops.ed.undo()
    yield 0.5
    armature, settings = bpy.context.view_layer.objects.active, bpy.context.scene.avanim.dance
    stage.facts["after_undo"] = [armature.name, len(bpy.data.actions), settings.audio == str(song)]

    bpy.context.scene.frame_set(11)
    yield from let_go()
    stage.xdotool("key", "a")
    yield _strips
    (strip,) = _strips()
    start = _addon("compat.versions").strip_range(strip)[1]
    stage.facts["strip"] = [strip.name, round(start), len(bpy.data.actions)]
    stage.point_at_viewport()
    with bpy.context.temp_override(window=stage.window, area=stage.view, region=stage.region("WINDOW")):
        bpy.ops.wm.call_menu(name="AVANIM_MT_dance")
    yield 0.7
    stage.picture("menu")
    yield 0.7
