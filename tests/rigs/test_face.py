# SPDX-License-Identifier: GPL-3.0-or-later
"""Face tracks: ARKit's names, and round trips through .npz and Live Link Face's .csv."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52, LEFT_RIGHT, FaceTrack
from hypothesis import given, settings
from hypothesis import strategies as st


def track(frames: int, fps: float, seed: int = 0) -> FaceTrack:
    rng = np.random.default_rng(seed)
    return FaceTrack(
        rng.uniform(0, 1, (frames, 52)), rng.normal(0, 0.4, (frames, 3)), rng.normal(0, 0.3, (frames, 2)), fps
    )


def test_names_are_arkits(shared_data: Path) -> None:
    tables = json.loads((shared_data / "character" / "tables" / "face_tables.json").read_text())
    assert list(ARKIT_52) == tables["arkit52"]


def test_every_sided_shape_has_its_partner() -> None:
    assert len(set(ARKIT_52)) == 52 and list(ARKIT_52) == sorted(ARKIT_52)
    assert len(LEFT_RIGHT) == 20
    for left, right in LEFT_RIGHT:
        assert ARKIT_52[left].removesuffix("Left") == ARKIT_52[right].removesuffix("Right")
    middle = set(range(52)) - {index for pair in LEFT_RIGHT for index in pair}
    assert {ARKIT_52[index] for index in middle} >= {"jawOpen", "mouthClose", "browInnerUp", "cheekPuff", "tongueOut"}


def test_npz_round_trip_is_exact(tmp_path: Path) -> None:
    made = track(7, 29.97)
    made.save(tmp_path / "face.npz")
    read = FaceTrack.load(tmp_path / "face.npz")
    for field in ("weights", "head", "gaze"):
        np.testing.assert_array_equal(getattr(read, field), getattr(made, field))
    assert read.fps == made.fps and read.seconds == pytest.approx(7 / 29.97)


@pytest.mark.parametrize("fps", [23.976, 24, 25, 29.97, 30, 48, 59.94, 60, 100, 120])
def test_csv_round_trip(fps: float, tmp_path: Path) -> None:
    made = track(400, fps)
    made.save(tmp_path / "face.csv")
    read = FaceTrack.load(tmp_path / "face.csv")
    for field in ("weights", "head", "gaze"):
        np.testing.assert_allclose(getattr(read, field), getattr(made, field), atol=1e-8)
    assert read.fps == pytest.approx(fps, abs=2e-3)


@settings(max_examples=25, deadline=None)
@given(frames=st.integers(1, 40), fps=st.floats(1, 240), seed=st.integers(0, 99))
def test_short_csv_keeps_its_numbers(tmp_path_factory, frames: int, fps: float, seed: int) -> None:
    path = tmp_path_factory.mktemp("face") / "face.csv"
    made = track(frames, fps, seed)
    made.save(path)
    read = FaceTrack.load(path, fps=fps)
    np.testing.assert_allclose(read.weights, made.weights, atol=1e-8)
    assert read.fps == fps


def test_csv_has_live_links_header_and_clock(tmp_path: Path) -> None:
    track(100, 30).save(tmp_path / "face.csv")
    lines = (tmp_path / "face.csv").read_text().splitlines()
    header = lines[0].split(",")
    assert header[:4] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert header[54:57] == ["HeadYaw", "HeadPitch", "HeadRoll"] and header[-1] == "RightEyeRoll" and len(header) == 63
    assert {name[0].lower() + name[1:] for name in header[2:54]} == set(ARKIT_52)
    assert lines[1].startswith("00:00:00:00.000,61,") and lines[95].startswith("00:00:03:04.000,61,")


def test_recordings_of_the_app(tmp_path: Path) -> None:
    """Other capitals, another order of columns, a clock of the day, and rows without a face."""
    header = ["TIMECODE", "BlendshapeCount", "tongueout", *(name for name in ARKIT_52[:-1]), "HeadYaw"]
    row = ["61", "0.25", *(["0.5"] * 50), "1.2", "0.1"]
    lines = [",".join(header)]
    for frame in range(180):
        clock = f"14:59:{58 + frame // 60 if frame < 120 else 0:02}:{frame % 60:02}.207"
        clock = clock if frame < 120 else clock.replace("14:59", "15:00")
        lines.append(",".join([clock, *row]) if frame != 77 else f"{clock},0")
    path = tmp_path / "take.csv"
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    read = FaceTrack.load(path)
    assert len(read) == 180 and read.fps == 60
    assert read.weights[77, ARKIT_52.index("tongueOut")] == 0.25
    assert read.weights[3, 5] == 0.5 and read.weights[3, ARKIT_52.index("noseSneerRight")] == 1  # 1.2 is clipped
    np.testing.assert_array_equal(read.head[5], [0, 0.1, 0])


def test_head_angles_reach_the_right_columns(tmp_path: Path) -> None:
    made = FaceTrack(np.zeros((2, 52)), np.array([[0.1, 0.2, 0.3]] * 2), np.array([[0.4, 0.5]] * 2), 30)
    made.save(tmp_path / "face.csv")
    header, row = (line.split(",") for line in (tmp_path / "face.csv").read_text().splitlines()[:2])
    cells = dict(zip(header, row, strict=True))
    assert [cells[f"Head{turn}"] for turn in ("Pitch", "Yaw", "Roll")] == ["0.1", "0.2", "0.3"]
    assert [cells[f"{side}Eye{turn}"] for side in ("Left", "Right") for turn in ("Pitch", "Yaw")] == ["0.4", "0.5"] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"weights": np.zeros((3, 51))},
        {"weights": np.full((3, 52), 1.5)},
        {"weights": np.full((3, 52), np.nan)},
        {"head": np.zeros((2, 3))},
        {"gaze": np.full((3, 2), np.inf)},
        {"fps": 0.0},
        {"fps": float("nan")},
    ],
)
def test_impossible_tracks_are_refused(change: dict) -> None:
    fields = {"weights": np.zeros((3, 52)), "head": np.zeros((3, 3)), "gaze": np.zeros((3, 2)), "fps": 30.0}
    with pytest.raises(InputError):
        FaceTrack(**{**fields, **change})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Timecode,BlendShapeCount\n",
        b"a,b,c\n1,2,3\n",
        b"\xff\xfe\x00\x01 nothing",
        ("Timecode,BlendShapeCount," + ",".join(ARKIT_52) + "\n").encode(),
        ("Timecode,BlendShapeCount," + ",".join(ARKIT_52) + "\n00:00:00:00.000,61,0.1,0.2\n").encode(),
        ("Timecode,BlendShapeCount," + ",".join(ARKIT_52) + "\n0,61" + ",x" * 52 + "\n").encode(),
        ("Timecode,BlendShapeCount," + ",".join(ARKIT_52) + "\n0,61" + ",nan" * 52 + "\n").encode(),
    ],
)
def test_damaged_csv_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "face.csv").write_bytes(content)
    with pytest.raises(InputError) as raised:
        FaceTrack.load(tmp_path / "face.csv")
    assert "\n" not in str(raised.value)


def test_damaged_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "face.npz"
    track(3, 30).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError):
        FaceTrack.load(path)
    np.savez(path, weights=np.zeros((2, 52)), names=np.array(ARKIT_52[::-1]), head=np.zeros((2, 3)))
    with pytest.raises(InputError, match="lacks gaze, fps"):
        FaceTrack.load(path)
    with pytest.raises(InputError, match=r"\.npz or \.csv"):
        track(3, 30).save(tmp_path / "face.txt")
    assert [left.name for left in tmp_path.iterdir()] == ["face.npz"]
