# SPDX-License-Identifier: GPL-3.0-or-later
"""`avanim demo`: everything on a song and a sentence of our own, so that it needs nothing but the repository."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .rigs.beats import Beats
from .rigs.face import FaceTrack
from .rigs.job import Job, Progress, part
from .rigs.motion_files import load_motion
from .rigs.phones import Phones

# The share of the whole that each stage takes, as measured; only the progress bar depends on it.
_STAGES = {
    "song": 0.03, "sentence": 0.01, "dance": 0.09, "stage": 0.03, "dance.blend": 0.02, "dance.fbx": 0.05,
    "dance.mp4": 0.65, "contact sheet": 0.02, "face": 0.01, "face on stage": 0.02, "face.mp4": 0.07,
}  # fmt: skip


def run_demo(folder: Path, scene: Any, progress: Progress) -> dict[str, Any]:
    """Write song.wav, sentence.wav, dance.npz, .blend, .fbx (with .wav), .mp4, contact_sheet.png, face.csv and .mp4.

    Returns:
        `files`, and `seconds` by stage.
    """
    from .models.audio import save_wav
    from .models.audio.composer import demo_song
    from .models.audio.formant import demo_sentence
    from .models.tasks import run

    seconds: dict[str, float] = {}
    began, done = time.perf_counter(), 0.0

    def stage(name: str) -> Progress:
        nonlocal began, done
        if seconds or name != "song":
            previous = list(_STAGES)[list(_STAGES).index(name) - 1]
            seconds[previous] = round(time.perf_counter() - began, 1)
            done += _STAGES[previous]
        began = time.perf_counter()
        progress(done, name)
        return part(lambda fraction, step: progress(fraction, f"{name}: {step}"), done, done + _STAGES[name])

    song, sentence, motion_file = folder / "song.wav", folder / "sentence.wav", folder / "dance.npz"
    stage("song")
    save_wav(demo_song().sound, song)
    stage("sentence")
    save_wav(demo_sentence().sound, sentence)
    made = run(Job("dance", str(song), {"seed": 1}, str(motion_file)), stage("dance"))
    stage("stage")
    scene.performance.stage_dance(
        load_motion(motion_file),
        Beats.from_dict(made["beats"]),
        song,
        character="female",
        name="demo",
        settings=made["settings"],
    )
    for name in ("dance.blend", "dance.fbx", "dance.mp4"):
        scene.performance.finish(folder / name, progress=stage(name))
    stage("contact sheet")
    scene.render.contact_sheet(folder / "dance.mp4", folder / "contact_sheet.png")
    spoken = run(Job("face", str(sentence), {"seed": 1, "fps": 24.0}, str(folder / "face.csv")), stage("face"))
    scene.talk.stage_face(
        FaceTrack.load(folder / "face.csv", 24.0),
        Phones.from_dict(spoken["phones"]),
        sentence,
        character="female",
        settings=spoken["settings"],
        progress=stage("face on stage"),
    )
    scene.performance.finish(folder / "face.mp4", progress=stage("face.mp4"))
    seconds["face.mp4"] = round(time.perf_counter() - began, 1)
    progress(1.0, "done")
    files = sorted(str(path) for path in folder.iterdir() if not path.name.startswith("."))
    return {"files": files, "seconds": {**seconds, "total": round(sum(seconds.values()), 1)}}
