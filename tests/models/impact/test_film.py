# SPDX-License-Identifier: GPL-3.0-or-later
"""A silent film becomes sound: what comes in, what goes out, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from avanim import __main__ as command_line
from avanim.models.impact import film, play
from avanim.models.impact.foley import Seen
from avanim.models.impact.mux import with_sound
from avanim.models.impact.play import played
from avanim.models.impact.shots import FPS, MATERIALS, Film, _small, windows
from avanim.models.tasks import run
from avanim.rigs.errors import InputError
from avanim.rigs.impact.events import Events
from avanim.rigs.job import Job
from PIL import Image


def pictures(count: int, height: int = 64, width: int = 96, moves: bool = True) -> np.ndarray:
    """A light square that comes down and stops, before grey."""
    made = np.full((count, height, width, 3), 90, np.uint8)
    for frame in range(count):
        top = min(2 * frame, height // 2) if moves else 4
        made[frame, top : top + height // 4, width // 3 : width // 2] = 230
    return made


def write(
    path: Path, frames: np.ndarray, fps: int = 30, codec: str = "mpeg4", tone: bool = False, **container: Any
) -> Path:
    with av.open(str(path), "w", **container) as out:
        stream: Any = out.add_stream(codec, rate=fps)
        stream.width, stream.height = frames.shape[2], frames.shape[1]
        stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        stream.bit_rate = 2_000_000
        voice: Any = out.add_stream("aac", rate=48000, layout="mono") if tone else None
        for picture in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
        if voice is not None:
            wave = np.sin(np.arange(48000) * 0.1).astype(np.float32)[None]
            for first in range(0, 48000 - 1024, 1024):
                frame = av.AudioFrame.from_ndarray(wave[:, first : first + 1024].copy(), "fltp", "mono")
                frame.sample_rate = 48000
                out.mux(voice.encode(frame))
            out.mux(voice.encode())
    return path


@pytest.fixture
def told(monkeypatch):
    """What the network would say of any film: two hits at once, one later, and a slide."""
    slides = np.zeros(45)
    slides[30:42] = 0.9
    seen = Seen(
        np.array([0.3, 0.3, 0.7]), np.array([2.0, 1.0, 3.0]),
        np.array([MATERIALS.index(name) for name in ("steel", "wood", "steel")]), np.full(3, 0.3), np.full(3, 0.9),
        slides, np.eye(len(MATERIALS))[MATERIALS.index("steel")],
    )  # fmt: skip

    def watch(frames, *_: object) -> Seen:
        assert len(list(frames)) >= 45
        return seen

    monkeypatch.setattr(film, "watch", watch)
    return seen


def hear(source: Path, output: Path, **options: object) -> dict:
    return run(Job("foley", str(source), options, str(output)))


@pytest.mark.parametrize(("fps", "count"), [(24, 37), (25, 40), (60, 91), (12, 19)])
def test_the_sound_begins_with_the_first_picture_and_is_as_long_as_the_film(told, tmp_path, fps, count):
    shot = write(tmp_path / "shot.mp4", pictures(count), fps)
    made = hear(shot, tmp_path / "shot.wav", events=str(tmp_path / "shot.json"))
    samples, rate = soundfile.read(tmp_path / "shot.wav")
    assert rate == 48000 and len(samples) == round(count / fps * 48000) and made["seconds"] == count / fps
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())[0] / rate
    assert loud == pytest.approx(0.3, abs=0.004)
    events = Events.load(tmp_path / "shot.json")
    assert events.fps == fps and events.seconds == count / fps
    assert [event.time for event in events] == [0.3, 0.3, 0.7, 1.0]
    assert [event.kind for event in events] == ["hit", "hit", "hit", "scrape"]
    assert made["materials"] == {"steel": 3, "wood": 1} and made["events"] == 4


def test_two_hits_at_once_are_both_heard():
    def heard(*names: str) -> np.ndarray:
        count = len(names)
        return played(np.full(count, 0.3), np.full(count, 2.0), list(names), np.full(count, 0.3), [], "steel", 1.0)

    both, steel, wood = heard("steel", "wood"), heard("steel"), heard("wood")
    rest = both - steel  # the steel is struck in the same place
    assert not rest[: round(0.299 * 48000)].any()
    assert 0.2 < np.sqrt((rest**2).sum() / (wood**2).sum()) < 5


def test_the_user_knows_the_material_better(told, tmp_path):
    shot = write(tmp_path / "shot.mp4", pictures(45))
    late = {}
    for name in ("steel", "rubber"):
        made = hear(shot, tmp_path / f"{name}.wav", material=name, events=str(tmp_path / f"{name}.json"))
        assert made["materials"] == {name: 4}
        assert {event.materials for event in Events.load(tmp_path / f"{name}.json")} == {(name, "stone")}
        samples, rate = soundfile.read(tmp_path / f"{name}.wav")
        part = samples[round(0.29 * rate) : round(0.69 * rate)] ** 2
        late[name] = part[round(0.1 * rate) :].sum() / part.sum()
    assert late["steel"] > 3 * late["rubber"]
    other = hear(shot, tmp_path / "carpet.wav", ground="carpet", events=str(tmp_path / "carpet.json"))
    assert other["events"] == 4
    assert {event.materials[1] for event in Events.load(tmp_path / "carpet.json")} == {"carpet"}


def test_the_film_with_its_sound_keeps_its_pictures(told, tmp_path):
    shot = write(tmp_path / "shot.mp4", pictures(45), tone=True)
    hear(shot, tmp_path / "shot.wav", film=str(tmp_path / "heard.mp4"))
    with av.open(str(shot)) as before, av.open(str(tmp_path / "heard.mp4")) as after:
        assert [stream.codec_context.name for stream in after.streams] == ["mpeg4", "aac"]
        kept = [bytes(packet) for packet in after.demux(video=0) if packet.size]
        assert kept == [bytes(packet) for packet in before.demux(video=0) if packet.size]
    with av.open(str(tmp_path / "heard.mp4")) as after:
        frames = list(after.decode(audio=0))
        voice = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        start = frames[0].time
    loud = np.flatnonzero(np.abs(voice) > 0.05 * np.abs(voice).max())[0] / 48000 + start
    assert loud == pytest.approx(0.3, abs=0.01)  # the tone of before would be heard at once
    with pytest.raises(InputError, match="the film itself"):
        hear(shot, tmp_path / "shot.wav", film=str(shot))
    with pytest.raises(InputError, match=r"\.mp4 or \.mkv"):
        with_sound(shot, tmp_path / "shot.wav", tmp_path / "heard.xyz")
    assert not (tmp_path / "heard.xyz").exists()


def test_where_nothing_moves_nothing_is_heard(told, tmp_path):
    shot = write(tmp_path / "still.mp4", pictures(45, moves=False))
    made = hear(shot, tmp_path / "still.wav")
    samples, _ = soundfile.read(tmp_path / "still.wav")
    assert made["events"] == 0 and len(samples) == 72000 and not samples.any()
    assert "moves" in made["notes"][0] and "silent" in made["notes"][0]


def test_what_is_no_film_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    Image.fromarray(pictures(1)[0]).save(tmp_path / "picture.png")
    with av.open(str(tmp_path / "voice.mp4"), "w") as out:
        voice = out.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        out.mux(voice.encode(frame))
        out.mux(voice.encode())
    write(tmp_path / "one.mp4", pictures(1))
    whole = write(tmp_path / "whole.mp4", pictures(60))
    (tmp_path / "headless.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for name, said in (
        ("none.mp4", "no film"), ("text.mp4", "as a film"), ("empty.mp4", "as a film"), ("folder.mp4", "no film"),
        ("picture.png", "fewer than three"), ("voice.mp4", "no pictures"), ("one.mp4", "fewer than three"),
        ("headless.mp4", "as a film"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            hear(tmp_path / name, tmp_path / "out.wav")
    for options, said in (
        ({"method": "guess"}, "choose one of foley, indicated"), ({"material": "cheese"}, "no material"),
        ({"ground": "cheese"}, "no material"), ({"method": "indicated", "ground": "wood"}, "leave the ground out"),
        ({"events": str(whole)}, "the film itself"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            hear(whole, tmp_path / "out.wav", **options)
    with pytest.raises(InputError, match=r"end the name in \.wav"):
        hear(whole, tmp_path / "out.mp3")
    assert not (tmp_path / "out.wav").exists()


def test_a_film_that_was_cut_off_is_heard_as_far_as_it_goes(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 64, 96, 3)).astype(np.uint8)
    whole = write(tmp_path / "whole.mp4", noise, options={"movflags": "faststart"})
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    shot = Film(cut)
    frames = list(shot)
    assert 20 < len(frames) < 55 and shot.moves
    assert shot.seconds == pytest.approx(len(frames) / FPS, abs=0.05)


def test_films_of_any_shape(tmp_path):
    for height, width in ((17, 33), (300, 20), (2, 2)):
        shot = Film(write(tmp_path / "odd.mov", pictures(6, height, width), codec="png"))
        assert [frame.shape for frame in shot] == [(96, 96, 3)] * 6
    frame = av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")
    turned = SimpleNamespace(width=frame.width, height=frame.height, rotation=-90, reformat=frame.reformat)
    assert np.array_equal(_small(turned), np.rot90(_small(frame), -1))  # as telephones film


def test_a_long_film_is_read_bit_by_bit(tmp_path, monkeypatch):
    frames = (np.full((4, 4, 3), index % 251, np.uint8) for index in range(1000))
    most, seen = 0, []
    for part, kept in windows(frames, 90, 15, 15):
        most = max(most, len(part))
        seen += part[kept][:, 0, 0, 0].tolist()
    assert most == 120 and seen == [index % 251 for index in range(1000)]
    monkeypatch.setattr("avanim.models.impact.shots.LONGEST_SECONDS", 1.0)
    with pytest.raises(InputError, match="longer than"):
        Film(write(tmp_path / "long.mp4", pictures(70)))


# The networks and sixty modes would take minutes; they get a part at a time, whatever they make of it.
LONG = """
import resource, sys
import numpy as np, torch
from avanim.models.impact import film, foley, play, towers
from avanim.models.tasks import run
from avanim.rigs.job import Job
def answer(self, frames):
    one = torch.zeros(frames.shape[:2])
    hit = one - 5
    hit[:, 40::41] = 5
    kinds = one[..., None].expand(-1, -1, 8)
    return {"hit": hit, "strength": one, "size": one - 1, "slide": one - 5, "material": kinds}
foley.Watcher.forward = answer
analyse = play.analyse
play.analyse = lambda *what, **how: analyse(*what, **{**how, "count": 3})
towers.Tower.forward = lambda self, pictures, weights=None: torch.zeros(len(pictures), towers.FEATURES)
film.onsets = lambda components, ear: np.arange(30, len(components), 200)
source, output, method = sys.argv[1:]
made = run(Job("foley", source, {"method": method}, output))
print(made["seconds"], made["events"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.skipif(os.name != "posix", reason="resource")
@pytest.mark.parametrize("method", ["foley", "indicated"])
def test_a_long_film_takes_no_more_memory_than_a_short_one(tmp_path, method):
    """In a process of its own: three minutes in which something hits every few seconds, of few coded pictures."""
    peaks = []
    for seconds in (8, 200):
        path = tmp_path / f"{seconds}.mp4"
        with av.open(str(path), "w") as out:
            # One picture a second: reading holds each, so that the networks see all 30.
            stream: Any = out.add_stream("mpeg4", rate=1)
            stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
            for number in range(seconds):
                picture = np.full((96, 96, 3), 90, np.uint8)
                picture[10 + 30 * (number % 2) : 40 + 30 * (number % 2), 30:60] = 230
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            out.mux(stream.encode())
        command = [sys.executable, "-c", LONG, str(path), str(tmp_path / "out.wav"), method]
        told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
        assert float(told[0]) == pytest.approx(seconds, abs=1.1) and int(told[1]) > 0.4 * seconds
        peaks.append(float(told[2]))
    print(f"{method}: {peaks[0]:.0f} and {peaks[1]:.0f} MB")
    assert peaks[1] < peaks[0] + 100


def test_a_sound_in_parts_is_the_sound_as_a_whole(monkeypatch):
    times, strengths, kinds = np.array([0.5, 1.9, 2.1, 3.5]), np.ones(4), ["steel", "wood", "steel", "glass"]
    slides = np.zeros(130)
    slides[100:115] = 1
    monkeypatch.setattr(play, "_PART", 2)
    parts = list(play.played_in_parts(times, strengths, kinds, np.full(4, 0.3), slides, "steel", 130 / 30))
    assert [len(one) for one in parts] == [96000, 96000, 16000]
    # What is struck in the first part rings on in the second: nothing starts anew at the seam.
    seam = np.abs(np.diff(np.concatenate(parts)))[95990:96010]
    assert 0 < seam.max() < 20 * np.median(seam)


def test_the_command(told, tmp_path, capsys):
    shot = write(tmp_path / "shot.mp4", pictures(45))
    words = ["impacts", str(shot), "-o", str(tmp_path / "out.wav")]
    assert command_line.main([*words, "--events", str(tmp_path / "out.json"), "--json", "--quiet"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["events"] == len(Events.load(tmp_path / "out.json")) == 4
    for wrong in (["--layout", "ambix"], ["--stems", str(tmp_path)], ["--method", "guess"], ["--material", "cheese"]):
        assert command_line.main([*words, *wrong, "--quiet"]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()[-1]) > 20
    assert command_line.main(["impacts", "scene.blend", "-o", "out.wav", "--material", "wood"]) == 2
    assert "for films" in capsys.readouterr().err
