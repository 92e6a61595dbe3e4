# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `python -m avanim …`, installed as `avanim`.

Progress goes to stderr and the result to stdout (one JSON object with --json). Exit status: 0 done, 2 the input or the
arguments are wrong, 1 anything else.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:
    sys.exit("Start this as a module: python -m avanim")

from .rigs.errors import Cancelled, InputError
from .rigs.files import ensure_writable
from .rigs.job import Job, Progress, part

MOTION_FILES = (".npz", ".bvh", ".json")
FACE_FILES = (".npz", ".csv", ".json")
SCENE_FILES = (".blend", ".fbx", ".glb", ".mp4", ".png")
EXPORTS = (".fbx", ".glb", ".usdc", ".abc", ".bvh", ".npz")
# What `avanim impacts` is told of films, or of scenes.
_FILMS_ONLY, _SCENES_ONLY = ("method", "material", "ground", "film", "device"), ("layout", "damping", "stems")
Result = dict[str, Any]


class Stopped(BaseException):
    """A signal asked the command to end.

    Not KeyboardInterrupt: once that has passed through code that a library ran from a string, Python ends with SIGINT's
    status, whatever ours is.
    """


class ProgressLine:
    """Progress on stderr: one line that is rewritten on a terminal, a line every tenth elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.began = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.shown = ("", -1, 0.0)
        self.stopped = False

    def stop(self, *_: object) -> None:
        """A signal's handler: unwind as Ctrl-C does, so that temporary files go.

        A C library that calls back into Python (numba's compiler does) swallows the exception; then the next report of
        progress stops the work.
        """
        self.stopped = True
        raise Stopped

    def __call__(self, fraction: float, step: str) -> None:
        if self.stopped:
            raise Cancelled
        now = time.monotonic()
        tenth = int(fraction * 10)
        last_stage, last_tenth, last_time = self.shown
        stage = step.rstrip("0123456789 of")  # "frame 3 of 90" is one stage with ninety steps
        fresh = stage != last_stage or tenth != last_tenth
        if self.quiet or not (fresh or (self.terminal and now - last_time > 0.1)):
            return
        self.shown = (stage, tenth, now)
        passed = now - self.began
        left = "" if fraction < 0.03 or fraction >= 1 else f"  about {_clock(passed * (1 - fraction) / fraction)} left"
        bar = "█" * round(20 * fraction) + "·" * (20 - round(20 * fraction))
        text = f"{bar} {fraction:4.0%}  {_clock(passed)}{left}  {step}"
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r\x1b[K" + text[:width] + ("\n" if fraction >= 1 else ""))
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line, so that a message can follow."""
        if self.terminal and self.shown[1] not in (-1, 10):
            sys.stderr.write("\r\x1b[K")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _options(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


# --- commands -----------------------------------------------------------------------------------------------------


def dance(arguments: argparse.Namespace, progress: Progress) -> Result:
    output = Path(arguments.output)
    names = ("method", "style", "seed", "fps", "start", "seconds", "bpm", "metre", "offset", "character", "device")
    options = {**_options(arguments, *names), **_wishes(arguments)}
    if output.suffix in MOTION_FILES:
        return arguments.run_job(Job("dance", arguments.music, options, str(output)), progress)
    if output.suffix not in SCENE_FILES:
        raise InputError(f"Cannot tell what {output} should be; end it in {' '.join((*MOTION_FILES, *SCENE_FILES))}.")
    performance = _blender(output.suffix).performance
    ensure_writable(output)
    from .rigs.beats import Beats
    from .rigs.motion_files import load_motion

    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        job = Job("dance", arguments.music, options, str(Path(folder) / "dance.npz"))
        made = arguments.run_job(job, part(progress, 0, 0.3))
        motion, *others = (load_motion(path) for path in made["motions"])
    settings = made["settings"]
    progress(0.3, "Setting the stage")
    performance.stage_dance(
        motion,
        Beats.from_dict(made["beats"]),
        arguments.music,
        character=settings["character"],
        name=Path(arguments.music).stem,
        settings=settings,
        start=settings["start"],
        seconds=min(settings["seconds"], motion.seconds),
        others=others,
    )
    performance.finish(
        output,
        engine=arguments.engine,
        size=_size(arguments.size),
        target=arguments.target,
        progress=part(progress, 0.35, 1),
    )
    progress(1.0, "Done")
    return {**made, "motion": None, "motions": [], "output": str(output)}


def _wishes(arguments: argparse.Namespace) -> dict[str, Any]:
    """The choreographer's options. A choreography and pins may be files."""
    from .models.dance.choreographer.controls import OPTIONS

    wishes = _options(arguments, *OPTIONS)
    if "track" in wishes and Path(wishes["track"]).suffix in (".txt", ".json"):
        wishes["track"] = _text(wishes["track"])
    if "pins" in wishes:
        try:
            wishes["pins"] = json.loads(_text(wishes["pins"]))
        except ValueError as error:
            raise InputError(f"{wishes['pins']} is no JSON file ({error}); give a list of pins.") from None
    return wishes


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {path} ({error}); check the name.") from None


def face(arguments: argparse.Namespace, progress: Progress) -> Result:
    from .models.face.task import OPTIONS

    output = Path(arguments.output)
    options = _options(arguments, *(name for name in OPTIONS if name in vars(arguments)))
    if arguments.rig and (arguments.character or output.suffix in FACE_FILES):
        raise InputError("--rig is for scenes and films of a rig of yours; leave out --character, or --rig.")
    if arguments.armature and not arguments.rig:
        raise InputError("--armature names one of the armatures of a file; give that file with --rig.")
    if output.suffix in FACE_FILES:
        return _with_notes(arguments.run_job(Job("face", arguments.speech, options, str(output)), progress))
    if output.suffix not in SCENE_FILES:
        raise InputError(f"Cannot tell what {output} should be; end it in {' '.join((*FACE_FILES, *SCENE_FILES))}.")
    _blender(output.suffix)
    ensure_writable(output)
    from .avanim_addon.scene import face_check, performance, talk
    from .avanim_addon.takes import tracks
    from .rigs.face import FaceTrack
    from .rigs.phones import Phones

    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        job = Job("face", arguments.speech, options, str(Path(folder) / "face.npz"))
        made = _with_notes(arguments.run_job(job, part(progress, 0, 0.3)))
        track = FaceTrack.load(made["face"])
    settings = made["settings"]
    who = (
        {"rig": arguments.rig, "of_rig": arguments.armature} if arguments.rig else {"character": settings["character"]}
    )
    phones = Phones.from_dict(made["phones"])
    armature = talk.stage_face(
        track,
        phones,
        arguments.speech,
        **who,
        name=Path(arguments.speech or "Text").stem,
        settings=settings,
        start=settings.get("start", 0.0),
        keys={"error": arguments.error, "stepped": bool(settings.get("stepped"))},
        progress=part(progress, 0.3, 0.45),
    )
    take = tracks.parts(armature, tracks.take_tracks(armature)[-1])
    problem = face_check.why_still(armature.users_scene[0], armature, take) if len(phones) else ""
    if problem:
        warnings.warn(problem, stacklevel=2)
    performance.finish(
        output,
        engine=arguments.engine,
        size=_size(arguments.size),
        target=arguments.target,
        progress=part(progress, 0.45, 1),
    )
    progress(1.0, "Done")
    return {**made, "face": None, "output": str(output)}


def _with_notes(made: Result) -> Result:
    """A result, once what was odd about the sound has been told."""
    for note in made.get("notes", ()):
        warnings.warn(note, stacklevel=2)
    return made


def motion(arguments: argparse.Namespace, progress: Progress) -> Result:
    names = ("tool", "other", "components", "mix", "seconds", "temperature", "seed", "strength", "only_new")
    options = _options(arguments, *names, "character")
    for name in ("gains", "offsets", "keys"):
        text = getattr(arguments, name)
        if text is not None:
            try:
                options[name] = [float(word) for word in text.split(",") if word.strip()]
            except ValueError:
                raise InputError(f"--{name} must be numbers with commas between, not {text!r}.") from None
    if arguments.no_plant:
        options["plant"] = False
    return arguments.run_job(Job("motion", arguments.motion, options, arguments.output), progress)


def retarget(arguments: argparse.Namespace, progress: Progress) -> Result:
    if not arguments.mapping and not (arguments.motion and arguments.output):
        raise InputError("Give a motion and -o OUT; or --mapping, to see which bone of the rig is which.")
    _blender("rigs")
    from .avanim_addon.retarget import command
    from .rigs.retarget import Wishes

    if arguments.mapping:
        if arguments.motion or arguments.output:
            raise InputError("--mapping only shows the map of --to; leave out the motion and -o, or --mapping.")
        return command.mapping(arguments.to, arguments.armature, arguments.map)
    wishes = Wishes(
        root=arguments.root.replace("-", "_"),
        feet=not arguments.no_plant,
        hands=arguments.hands,
        fingers=arguments.fingers,
        scale=arguments.scale,
        controls=arguments.controls,
    )
    return command.retarget_file(
        arguments.motion,
        arguments.to,
        arguments.output,
        wishes=wishes,
        armature=arguments.armature,
        scheme=arguments.map,
        keep_scheme=arguments.save_map,
        error=_two_numbers(arguments.error) if arguments.error else None,
        size=_size(arguments.size),
        progress=progress,
        **_options(arguments, "take", "source_armature", "body", "seconds", "fps", "target", "engine"),
    )


def body(arguments: argparse.Namespace, progress: Progress) -> Result:
    _blender("bodies")
    from .avanim_addon.retarget.body_command import body_file

    if arguments.betas is not None:
        try:
            arguments.betas = [float(word) for word in arguments.betas.split(",")]
        except ValueError:
            raise InputError(f"--betas must be numbers such as 1,-0.5, not {arguments.betas!r}.") from None
    options = _options(arguments, "motion", "betas", "correctives", "armature", "fps", "target", "engine")
    return body_file(
        arguments.body,
        arguments.output,
        fit_joints=arguments.fit_joints,
        size=_size(arguments.size),
        progress=progress,
        **options,
    )


def _two_numbers(text: str) -> tuple[float, float]:
    try:
        first, second = (float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--error must be degrees and millimetres, such as 0.5,2, not {text!r}.") from None
    return first, second


def impacts(arguments: argparse.Namespace, progress: Progress) -> Result:
    output, source = Path(arguments.output), Path(arguments.scene)
    if output.suffix.lower() != ".wav":
        raise InputError(f"Cannot write the sound to {output}; end it in .wav.")
    wrong = _FILMS_ONLY if source.suffix.lower() == ".blend" else _SCENES_ONLY
    for name in _options(arguments, *wrong):
        raise InputError(f"--{name} is for {'films' if wrong is _FILMS_ONLY else 'scenes'}; leave it out.")
    if source.suffix.lower() != ".blend":
        options = _options(arguments, "method", "material", "ground", "film", "seed", "events", "device")
        made = arguments.run_job(Job("foley", str(source), options, str(output)), progress)
        for note in made["notes"]:
            warnings.warn(note, stacklevel=2)
        return made
    scene = _blender("finding contacts")
    ensure_writable(output)
    if arguments.events:
        ensure_writable(arguments.events)
    scene.performance.open_scene(source)
    options = _options(arguments, "layout", "damping", "seed", "events", "stems")
    with tempfile.TemporaryDirectory(prefix="avanim-") as folder:
        captured = str(Path(folder) / "scene.npz")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # they come back with the result
            scene.contacts.capture(captured, progress=part(progress, 0, 0.5))
        made = arguments.run_job(Job("impacts", captured, options, str(output)), part(progress, 0.5, 1))
    for note in made["notes"]:
        warnings.warn(note, stacklevel=2)
    return made


def render(arguments: argparse.Namespace, progress: Progress) -> Result:
    output = Path(arguments.output)
    if output.suffix not in (".mp4", ".png"):
        raise InputError(f"Cannot render to {output}; end it in .mp4 or .png.")
    scene = _blender("rendering")
    scene.performance.open_scene(arguments.scene)
    scene.render.render(
        output, engine=arguments.engine, size=_size(arguments.size), frame=arguments.frame, progress=progress
    )
    return {"output": str(output)}


def export(arguments: argparse.Namespace, progress: Progress) -> Result:
    output = Path(arguments.output)
    if output.suffix not in EXPORTS:
        raise InputError(f"Cannot export to {output}; end it in {', '.join(EXPORTS)}.")
    scene = _blender("exporting")
    from .avanim_addon.scene.rig_file import open_rig

    armature = open_rig(arguments.scene, arguments.armature)
    scene.export.export(
        output,
        target=arguments.target,
        armature=armature,
        correctives=arguments.correctives,
        report=True,
        progress=progress,
    )
    checks = scene.export_report.load_report(output)
    if any(check.good is False for check in checks):
        warnings.warn(f"{output.name} is {scene.export_report.summary(checks)}.", stacklevel=2)
    return {"output": str(output), "report": [asdict(check) for check in checks]}


def demo(arguments: argparse.Namespace, progress: Progress) -> Result:
    from .demo import run_demo

    return run_demo(Path(arguments.out), _blender("the demo"), progress)


def methods(arguments: argparse.Namespace, progress: Progress) -> Result:
    from .models.dance import METHODS
    from .models.face import METHODS as FACE_METHODS
    from .models.impact import METHODS as SHOT_METHODS

    return {
        "dance": {
            name: {"title": method.title, "reference": method.reference, "styles": list(method.styles)}
            for name, method in METHODS.items()
        },
        "face": {name: {"title": method.title, "reference": method.reference} for name, method in FACE_METHODS.items()},
        "impacts": {
            name: {"title": method.title, "reference": method.reference} for name, method in SHOT_METHODS.items()
        },
    }


def doctor(arguments: argparse.Namespace, progress: Progress) -> Result:
    from .doctor import examine

    return examine()


def train(arguments: argparse.Namespace, progress: Progress) -> Result:
    from .models.dance import TRAINERS
    from .models.face import TRAINED as FACE_TRAINED
    from .models.impact import METHODS as SHOT_METHODS

    modules = {f"dance/{name}": f"dance.{module}" for name, module in TRAINERS.items()}
    modules["speech/phones"] = "speech.train"
    modules.update((f"face/{name}", f"face.{name}") for name in (*FACE_TRAINED, "natural"))
    modules.update((f"impact/{name}", f"impact.{name}_train") for name in SHOT_METHODS)
    if arguments.method not in modules:
        raise InputError(f"There is no {arguments.method} to train; known are {', '.join(modules)}.")
    trainer = importlib.import_module(f".models.{modules[arguments.method]}", __package__).train
    options = _options(arguments, "steps", "styles", "minutes", "size", "device", "start")
    for option in options.keys() - inspect.signature(trainer).parameters.keys():
        raise InputError(f"The training of {arguments.method} has no --{option}; leave it out.")
    if "styles" in options:
        options["styles"] = tuple(options["styles"].split(","))
    out = arguments.out or f"{arguments.method.replace('/', '_')}.safetensors"
    return trainer(arguments.data, out, **options, progress=progress)


def score(arguments: argparse.Namespace, progress: Progress) -> Result:
    if arguments.task == "beats":
        from .models.audio.score import score_beats

        return score_beats(arguments.data, progress)
    if arguments.task == "speech":
        from .models.speech import score as speech_score

        if not arguments.data:
            raise InputError("To score speech give --data, the folder with the corpora; see models/speech/corpus.py.")
        return speech_score.score(arguments.data, **_options(arguments, "limit"), progress=progress)
    if arguments.task == "dance/melody":
        from .models.dance import melody_score

        if not arguments.data:
            raise InputError("To score dance/melody give --data, the folder with the recordings it is measured on.")
        return melody_score.score(arguments.data, progress=progress)
    if arguments.task == "dance/diffusion":
        from .models.dance import diffusion_score

        if not arguments.data:
            raise InputError("To score dance/diffusion give --data, the folder with the recordings it is measured on.")
        return diffusion_score.score(arguments.data, progress=progress)
    if arguments.task == "dance":
        from .models.dance import score as dance_score

        if not (arguments.songs and arguments.reference):
            raise InputError("To score dance give --songs, a folder of music, and --reference, that of the dancers.")
        options = _options(arguments, "data", "cache", "limit", "seconds", "told_beats")
        made = dance_score.score(
            arguments.method or "all", arguments.songs, arguments.reference, **options, progress=progress
        )
        print(dance_score.table(made), file=sys.stderr)
        return made
    if arguments.task == "dance/body_dynamics":
        from .models.dance import body_dynamics_train

        return body_dynamics_train.score(progress)
    if arguments.task == "face":
        return _score_face(arguments, progress)
    if arguments.task in ("dance/manifold", "dance/gp"):
        from .models.dance.families import in_between_score, manifold_train

        if not arguments.data:
            raise InputError(f"To score {arguments.task} give --data, the folder with the recorded dances.")
        way = manifold_train if arguments.task == "dance/manifold" else in_between_score
        return way.score(arguments.data, progress=progress)
    from .models.impact import METHODS as SHOT_METHODS

    shot_method = SHOT_METHODS.get(arguments.task.removeprefix("impact/"))
    if arguments.task.startswith("impact/") and shot_method:
        if not arguments.data:
            raise InputError(f"To score {arguments.task} give --data, a folder of clips by examples/impact_clips.py.")
        return importlib.import_module(f".models.impact.{shot_method.scores}", __package__).score(
            arguments.data, progress
        )
    from .models.dance import AUTOREGRESSIVE

    task, _, name = arguments.task.partition("/")
    if task == "dance" and name in AUTOREGRESSIVE:
        from .models.dance import lessons_score

        return lessons_score.score(name, arguments.data or ".", progress=progress)
    methods = ("melody", "diffusion", "body_dynamics", "manifold", "gp", *AUTOREGRESSIVE)
    names = [*(f"dance/{name}" for name in methods), *(f"impact/{name}" for name in SHOT_METHODS)]
    known = ", ".join(["beats", "speech", "face", "dance", *names])
    raise InputError(f"There is no score for {arguments.task}; known are {known}.")


def _score_face(arguments: argparse.Namespace, progress: Progress) -> Result:
    from .models.face import score

    if arguments.pred:
        if not arguments.labels:
            raise InputError("To score a face give --labels too, its file of phones, or the folder of them.")
        return score.score_files(arguments.pred, arguments.labels, arguments.fps)
    if not (arguments.data or arguments.labels):
        raise InputError("To score faces give --pred and --labels, or --method and --data, the folder with the speech.")
    options = _options(arguments, "labels", "rhubarb", "cache", "limit")
    made = score.score_methods(arguments.method or "all", arguments.data or "", **options, progress=progress)
    print(score.table(made), score.sets_table(made), sep="\n\n", file=sys.stderr)
    return made


# --- what commands share --------------------------------------------------------------------------------------------


def _blender(what: str) -> Any:
    """avanim_addon.scene, or the reason why this Python cannot offer it."""
    try:
        from .avanim_addon import scene
    except ImportError as error:
        raise InputError(
            f"For {what} Blender's Python module is needed, and it cannot be loaded ({error}); "
            "run `pip install bpy==5.0.1` under Python 3.11, or write .npz or .bvh instead."
        ) from error
    return scene


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and 16 <= int(width) <= 8192 and 16 <= int(height) <= 8192):
        raise InputError(f"The size must read like 1280x720, not {text}.")
    # H.264 wants even numbers.
    return int(width) // 2 * 2, int(height) // 2 * 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="avanim", description="Sound becomes animation, and animation becomes sound.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the result as one JSON object")
    common.add_argument("--quiet", action="store_true", help="no progress")
    common.add_argument("--debug", action="store_true", help="show where an error arose")
    picture = argparse.ArgumentParser(add_help=False)
    picture.add_argument("--engine", default="workbench", choices=("workbench", "eevee", "cycles"))
    picture.add_argument("--size", default="640x360", metavar="WxH")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., Result], text: str, *parents: argparse.ArgumentParser) -> Any:
        made = commands.add_parser(name, help=text, description=text, parents=[common, *parents])
        made.set_defaults(run=run)
        return made

    made = command("demo", demo, "everything, on a song and a sentence of our own")
    made.add_argument("--out", default="demo", metavar="DIR")

    made = command("dance", dance, "music to dance", picture)
    made.add_argument("music", metavar="MUSIC")
    made.add_argument("-o", "--output", required=True, metavar="OUT", help=" ".join((*MOTION_FILES, *SCENE_FILES)))
    made.add_argument("--method")
    made.add_argument("--style")
    made.add_argument("--seed", type=int)
    made.add_argument("--fps", type=float)
    made.add_argument("--start", type=float, metavar="S", help="begin at this second of the music")
    made.add_argument("--seconds", type=float, metavar="S", help="dance this long")
    made.add_argument("--bpm", type=float, help="the tempo, where the beat tracker errs")
    made.add_argument("--metre", type=int, choices=(2, 3, 4), help="beats a bar")
    made.add_argument("--offset", type=float, metavar="S", help="second of the first downbeat")
    made.add_argument("--character")
    made.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"))
    made.add_argument("--target", default="plain", choices=("plain", "unity", "unreal"), help="for .fbx and .glb")
    _add_wishes(made.add_argument_group("choreography", "for the method choreographer"))

    made = command("face", face, "speech to a talking face", picture)
    made.add_argument("speech", metavar="SPEECH", nargs="?", help="an audio file or a film; none with --text, --phones")
    made.add_argument("-o", "--output", required=True, metavar="OUT", help=" ".join((*FACE_FILES, *SCENE_FILES)))
    made.add_argument("--method")
    made.add_argument("--seed", type=int)
    made.add_argument("--fps", type=float)
    made.add_argument("--start", type=float, metavar="S", help="begin at this second of the sound")
    made.add_argument("--seconds", type=float, metavar="S", help="speak this long")
    made.add_argument("--channel", metavar="left|right|mix|N", help="which speaker of a recording with several")
    made.add_argument("--text", metavar="TEXT|FILE.txt", help="what is said, to be aligned to the sound")
    made.add_argument("--phones", metavar="FILE", help="timed phones: .json .TextGrid .lab .phn .txt .csv")
    made.add_argument("--character")
    made.add_argument("--rig", metavar="FILE", help="a rig of yours speaks: .blend .fbx .glb .usd")
    made.add_argument("--armature", metavar="NAME", help="of RIG, where it holds several")
    made.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"))
    made.add_argument("--target", default="plain", choices=("plain", "unity", "unreal"), help="for .fbx and .glb")
    made.add_argument("--error", type=float, default=0.0, metavar="0..0.2", help="of .blend: keys left out within this")
    _add_face_wishes(made.add_argument_group("controls"))

    made = command("motion", motion, "a tool on one motion: vary, continue, in-between, mix styles, clean up")
    made.add_argument("motion", metavar="IN", help=".npz .bvh .pkl .json")
    made.add_argument("-o", "--output", required=True, metavar="OUT", help=".npz .bvh")
    made.add_argument("--tool", required=True, metavar="pca|hmm|gp|fcrbm|mdn|manifold", help="see docs/motion-tools.md")
    made.add_argument("--other", metavar="FILE", help="hmm, gp, fcrbm: another motion to learn from")
    made.add_argument("--components", type=int, metavar="N", help="pca: how many")
    made.add_argument("--gains", metavar="A,B…", help="pca: what each component is multiplied by")
    made.add_argument("--offsets", metavar="A,B…", help="pca: by how many deviations each is moved")
    made.add_argument("--mix", type=float, metavar="0..1", help="hmm, fcrbm: from this motion's style to the other's")
    made.add_argument("--keys", metavar="F,F…", help="gp: frames to keep, between which all is made anew")
    made.add_argument("--seconds", type=float, metavar="S", help="gp, fcrbm, mdn: how long it goes on")
    made.add_argument("--temperature", type=float, metavar="0..2", help="mdn: how freely")
    made.add_argument("--seed", type=int)
    made.add_argument("--strength", type=float, metavar="0..1", help="manifold: how far towards it")
    made.add_argument("--only-new", action="store_true", default=None, help="gp, fcrbm, mdn: without what it follows")
    made.add_argument("--no-plant", action="store_true", help="leave the feet as they come")
    made.add_argument("--character")

    made = command("retarget", retarget, "a motion onto a rig of yours", picture)
    made.add_argument(
        "motion", metavar="MOTION", nargs="?", help=".npz .pkl .bvh, or .blend .fbx .glb .usd with a rig that moves"
    )
    made.add_argument(
        "--to", required=True, metavar="RIG", help=".blend .fbx .glb .usd, or a convention such as mixamo"
    )
    made.add_argument("-o", "--output", metavar="OUT", help=".blend .mp4 .png " + " ".join(EXPORTS))
    made.add_argument("--mapping", action="store_true", help="only print which bone is which, and how sure that is")
    made.add_argument("--map", metavar="FILE.json", help="a saved map of the bones, instead of finding it out")
    made.add_argument("--save-map", metavar="FILE.json", help="save the map that was used")
    made.add_argument("--armature", metavar="NAME", help="of RIG, where it holds several")
    made.add_argument("--take", metavar="NAME", help="the action of MOTION, where it is a scene; by default what plays")
    made.add_argument("--source-armature", metavar="NAME", help="of MOTION, where it holds several")
    text = "that MOTION was made for: average, neutral, female, male or a SMPL file; by default found out"
    made.add_argument("--body", metavar="NAME|FILE", help=text)
    made.add_argument("--seconds", type=float, metavar="S", help="only the first of the motion")
    made.add_argument("--fps", type=float, help="by default that of the .blend, else of the motion")
    made.add_argument("--root", default="hips", choices=("hips", "root", "in-place"), help="what carries the way")
    made.add_argument("--controls", default="fk", choices=("fk", "feet", "all"), help="of control rigs: which on IK")
    made.add_argument("--fingers", default="relaxed", choices=("relaxed", "rest"), help="where the motion has none")
    made.add_argument("--hands", action="store_true", help="hands that meet keep their distance")
    made.add_argument("--no-plant", action="store_true", help="leave the feet as the legs' directions put them")
    made.add_argument("--scale", type=float, help="of the way, by default by the legs' length")
    made.add_argument("--error", metavar="DEG,MM", help="of .blend: keys left out while curves stay within this")
    made.add_argument("--target", default="plain", choices=("plain", "unity", "unreal"), help="for .fbx and .glb")

    made = command("body", body, "the body of a SMPL file: its shape, a motion, its correctives", picture)
    made.add_argument("body", metavar="BODY", help="SMPL, SMPL-H, SMPL-X .npz or .pkl; or a .blend with such a body")
    made.add_argument("-o", "--output", required=True, metavar="OUT", help=".blend .mp4 .png " + " ".join(EXPORTS))
    made.add_argument("--motion", metavar="FILE", help="what it does: .npz .pkl .bvh")
    made.add_argument("--betas", metavar="A,B…", help="its shape; by default the motion's; joints and soles follow")
    made.add_argument("--fit-joints", action="store_true", help="of a .blend: joints follow the sliders of the shape")
    text = "of the skin at bent joints: shape keys driven by the bones, baked to keys, or left out"
    made.add_argument("--correctives", choices=("driven", "baked", "none"), help=text)
    made.add_argument("--armature", metavar="NAME", help="of a .blend, where it holds several")
    made.add_argument("--fps", type=float, help="by default that of the .blend, else of the motion")
    made.add_argument("--target", default="plain", choices=("plain", "unity", "unreal"), help="for .fbx and .glb")

    made = command("impacts", impacts, "the sound of what touches in a scene, or in a silent film")
    made.add_argument("scene", metavar="SCENE.blend|FILM")
    made.add_argument("-o", "--output", required=True, metavar="OUT.wav")
    made.add_argument("--events", metavar="OUT.json", help="what touches what, when, where and how hard")
    made.add_argument("--layout", choices=("stereo", "binaural", "ambix", "mono"), help="by default stereo")
    made.add_argument("--stems", metavar="DIR", help="a sound for each object, too")
    made.add_argument("--damping", type=float, help="factor on how quickly everything dies down")
    made.add_argument("--seed", type=int)
    made.add_argument("--method", help="of a film: foley, by default, or indicated")
    made.add_argument("--material", help="of a film: what all that moves is made of, whatever it looks like")
    made.add_argument("--ground", help="of a film: what it falls on, by default stone")
    made.add_argument("--film", metavar="OUT.mp4", help="of a film: write it with this sound, too")
    made.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), help="of a film: where the network runs")

    made = command("render", render, "a scene to a film or a picture", picture)
    made.add_argument("scene", metavar="SCENE.blend")
    made.add_argument("-o", "--output", required=True, metavar="OUT", help=".mp4 .png")
    made.add_argument("--frame", type=int, help="for .png: which frame")

    made = command("export", export, "a scene's character to a game engine")
    made.add_argument("scene", metavar="SCENE.blend")
    made.add_argument("-o", "--output", required=True, metavar="OUT", help=" ".join(EXPORTS))
    made.add_argument("--target", default="plain", choices=("plain", "unity", "unreal"))
    made.add_argument("--armature", metavar="NAME", help="of SCENE, where it holds several")
    made.add_argument("--correctives", action="store_true", help="keep those of the skin, as morph targets that move")

    command("methods", methods, "what can be chosen with --method and --style")
    command("doctor", doctor, "what is there and what is missing")

    made = command("train", train, "train a method on your data")
    made.add_argument("method", metavar="METHOD", help="dance/melody, dance/diffusion … speech/phones")
    made.add_argument("--data", required=True, metavar="DIR")
    made.add_argument("--out", metavar="FILE", help="the .safetensors to write; checkpoints lie beside it")
    made.add_argument("--steps", type=int, help="how long to train, where it is not --minutes")
    made.add_argument("--styles", metavar="A,B", help="only these; the others stay as they are in FILE")
    made.add_argument("--minutes", type=float, help="dance/diffusion, speech/phones: how long to train")
    made.add_argument("--size", choices=("small", "base"), help="dance/diffusion: of the network; base wants a GPU")
    start = "speech/phones: weights to go on from; impact/indicated: those of impact/foley"
    made.add_argument("--start", metavar="WEIGHTS", help=start)
    where = "dance/diffusion, speech/phones: where to train"
    made.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), help=where)

    made = command("score", score, "measure on held-out data; prints one JSON object")
    made.add_argument("task", metavar="TASK", help="beats, dance, dance/melody, dance/diffusion …")
    made.add_argument("--data", metavar="DIR", help="recordings: those that a method was trained on; for beats, songs")
    made.add_argument("--method", metavar="A,B", help="for dance: the methods, or all")
    made.add_argument("--songs", metavar="DIR", help="for dance: music; songs.json there or above states its beats")
    made.add_argument("--reference", metavar="DIR", help="for dance: recorded dancers, which train nothing")
    made.add_argument("--cache", metavar="DIR", help="for dance: keep the dances, to go on with or to score again")
    made.add_argument("--limit", type=int, metavar="N", help="for dance: so many songs only; for speech: clips")
    made.add_argument("--seconds", type=float, metavar="S", help="for dance: only the first of each song")
    made.add_argument("--pred", metavar="F", help="for face: a face (.csv, .npz), or a folder of them")
    made.add_argument("--labels", metavar="L", help="for face: its phones; or sounds with phones beside them")
    made.add_argument("--fps", type=float, help="for face: frames a second of a .csv that does not say")
    made.add_argument("--rhubarb", metavar="PATH", help="for face: the program of Rhubarb Lip Sync, to be run beside")
    made.add_argument("--told-beats", action="store_true", help="for dance: to the true beats, not those heard")
    return top


def _add_face_wishes(group: Any) -> None:
    """The animator's controls, by the names of models/face/controls.py."""
    group.add_argument("--emotion", metavar="happy:0.6@0,sad:1@3.5", help="emotions, their amounts, and from when")
    group.add_argument("--suggest-emotion", type=float, metavar="0..1", help="how far to follow the voice's own mood")
    group.add_argument("--articulation", type=float, metavar="0..2", help="0 mumbled, 1 as spoken, 2 exaggerated")
    group.add_argument("--jaw", type=float, metavar="0..2", help="size of the jaw's movement")
    group.add_argument("--lips", type=float, metavar="0..2", help="size of the lips' movement")
    group.add_argument("--tongue", type=float, metavar="0..2")
    group.add_argument("--closure", type=float, metavar="0..2", help="how hard the lips press in p, b, m, f, v")
    group.add_argument("--smoothing", type=float, metavar="0..1", help="0 crisp, 1 sluggish")
    group.add_argument("--natural", type=float, metavar="0..1", help="how far it does as a captured face would")
    group.add_argument("--lead-ms", type=float, metavar="MS", help="the mouth comes earlier by this; below 0 later")
    group.add_argument("--stepped", action="store_true", default=None, help="poses that are held, for drawn mouths")
    group.add_argument("--hold-ms", type=float, metavar="MS", help="the shortest pose with --stepped")
    group.add_argument("--upper", type=float, metavar="0..2", help="amount of everything below")
    for name in ("blinks", "saccades", "brows", "head", "breath"):
        group.add_argument(f"--{name}", type=float, metavar="0..2")
    group.add_argument("--language", help="of --text; for sound alone it is never needed")
    group.add_argument("--regions", metavar="A,B", help="of brows eyes cheeks jaw mouth tongue upper lower head gaze")
    group.add_argument("--keep", metavar="FILE", help="a recorded face (.csv, .npz) that moves the other regions")
    group.add_argument("--poses", metavar="FILE.toml", help="mouth poses that differ from articulation.toml")


def _add_wishes(group: Any) -> None:
    """The animator's controls, by the names of models/dance/choreographer/controls.py."""
    group.add_argument("--mix", metavar="A:2,B:1", help="styles and their weights")
    group.add_argument("--energy", type=float, metavar="0..2", help="1 as the music")
    group.add_argument("--amplitude", type=float, metavar="0.2..1.6", help="size of all movement")
    group.add_argument("--travel", type=float, metavar="0..1", help="0 in place, 1 the whole floor")
    group.add_argument("--region", metavar="WxD", help="metres that the hips do not leave")
    group.add_argument("--mirror", action="store_true", default=None, help="left for right")
    group.add_argument("--pace", choices=("auto", "half", "normal", "double"), help="the dance's beats to the music's")
    group.add_argument("--beat-offset", type=float, metavar="BEATS", help="dance so many beats late")
    group.add_argument("--track", metavar="TEXT", help='"9: grapevine; verse: no turns; forbid twist", or a .txt file')
    group.add_argument("--pins", metavar="FILE.json", help="poses that the dance passes through")
    group.add_argument("--keep", metavar="FILE.npz", help="a take of which all but --bars stays as it is")
    group.add_argument("--bars", metavar="5-8", help="the bars to make anew")
    group.add_argument("--upper", metavar="FILE.npz", help="take trunk, head and arms from this motion")
    group.add_argument("--lower", metavar="FILE.npz", help="take the path and the legs from this motion")
    group.add_argument("--continue-from", metavar="FILE.npz", help="begin in this motion's last pose and place")
    group.add_argument("--loop", type=int, metavar="BARS", help="so many bars that repeat without a seam")
    group.add_argument("--dancers", type=int, metavar="N")
    group.add_argument("--formation", choices=("unison", "canon", "mirrored", "own"))
    group.add_argument("--canon", type=float, metavar="BEATS", help="between one dancer and the next")
    group.add_argument("--spacing", type=float, metavar="M", help="between neighbours")
    group.add_argument("--variation", type=float, metavar="0..1", help="how freely the motion model varies the moves")


def show(command: str, result: Result) -> None:
    """The result for a reader rather than a program."""
    if command == "doctor":
        for name, text in result.items():
            print(f"{name:<12}{text}")
    elif command == "methods":
        for task, entries in result.items():
            for name, entry in entries.items():
                print(f"{task}/{name}  {entry['title']} ({entry['reference']})")
                if entry.get("styles"):
                    print(f"    styles: {', '.join(entry['styles'])}")
    elif command in ("score", "demo", "train") or "label" in result:
        print(json.dumps(result, indent=1))
    else:
        print(result.get("output") or result.get("motion") or result.get("face"))


def run_here(job: Job, progress: Progress) -> Result:
    """Do a job in this process."""
    from .models.tasks import run

    return run(job, progress)


def main(
    argv: list[str] | None = None,
    run_job: Callable[[Job, Progress], Result] = run_here,
    replaced: Mapping[str, Callable[..., Result]] | None = None,
) -> int:
    """Run the command line and return its exit status.

    Args:
        run_job: does the jobs; inside Blender it is the worker.
        replaced: other functions for some of the commands.
    """
    arguments = parser().parse_args(argv)
    arguments.run_job = run_job
    command = (replaced or {}).get(arguments.command) or arguments.run
    progress = ProgressLine(arguments.quiet or arguments.command in ("methods", "doctor"))

    def warn(message: Any, category: Any, *_: Any, **__: Any) -> None:
        # A UserWarning is ours, meant for the user; the rest is libraries talking to programmers.
        if issubclass(category, UserWarning):
            progress.clear()
            print(f"avanim: {message}", file=sys.stderr)

    warnings.showwarning = warn
    handlers = {number: signal.signal(number, progress.stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _stdout_to_stderr():
            result = command(arguments, progress)
    except (Stopped, Exception) as error:
        progress.clear()
        if arguments.debug:
            traceback.print_exc()
        # A library that is interrupted in the middle of its import blames something else.
        if progress.stopped or isinstance(error, Cancelled):
            print("avanim: stopped; nothing was written.", file=sys.stderr)
        elif isinstance(error, InputError):
            print(f"avanim: {error}", file=sys.stderr)
            return 2
        elif isinstance(error, MemoryError):
            print("avanim: out of memory; choose a shorter part with --seconds.", file=sys.stderr)
        else:
            print(
                f"avanim: something went wrong inside ({type(error).__name__}: {error}); "
                "run it again with --debug and report what it prints.",
                file=sys.stderr,
            )
        return 1
    finally:
        for number, handler in handlers.items():
            # None: a handler that was set from C, which Python cannot set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if arguments.json:
        print(json.dumps(result))
    else:
        show(arguments.command, result)
    return 0


class _stdout_to_stderr:
    """Blender's C code prints to file descriptor 1. stdout belongs to the result, so it is lent to stderr meanwhile."""

    def __enter__(self) -> None:
        sys.stdout.flush()
        self.kept = os.dup(1)
        os.dup2(2, 1)

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        os.dup2(self.kept, 1)
        os.close(self.kept)


if __name__ == "__main__":
    sys.exit(main())
