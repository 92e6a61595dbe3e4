# SPDX-License-Identifier: GPL-3.0-or-later
"""Facial animation: ARKit's 52 blend shapes, head and gaze, saved as .npz or as a Live Link Face .csv."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .face_json import read_face_json, write_face_json
from .files import read_bytes, replacing
from .motion import tidy_fps
from .npz import load_npz, save_npz

Array = NDArray[np.float64]

_SIDES = ("Left", "Right")


def _both(*stems: str) -> list[str]:
    return [stem + side for stem in stems for side in _SIDES]


# In the order of ARKit's own list of names (alphabetical).
ARKIT_52: tuple[str, ...] = (
    *_both("browDown"),
    "browInnerUp",
    *_both("browOuterUp"),
    "cheekPuff",
    *_both("cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose"),
    *_both("mouthDimple", "mouthFrown"),
    *("mouthFunnel", "mouthLeft"),
    *_both("mouthLowerDown", "mouthPress"),
    *("mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_both("mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer"),
    "tongueOut",
)

# (20, 2) indices of each shape on the left and of its partner on the right. Among them are jawLeft and mouthLeft, which
# move the middle of the face to one side.
LEFT_RIGHT: tuple[tuple[int, int], ...] = tuple(
    (index, ARKIT_52.index(name.removesuffix("Left") + "Right"))
    for index, name in enumerate(ARKIT_52)
    if name.endswith("Left")
)

# The columns of a Live Link Face recording, in its own order.
_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_LIVE_LINK = (
    *(f"Eye{part}{side}" for side in _SIDES for part in _EYE),
    *("JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker", "MouthRight"),
    "MouthLeft",
    *_both("MouthSmile", "MouthFrown", "MouthDimple", "MouthStretch"),
    *("MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper"),
    *_both("MouthPress", "MouthLowerDown", "MouthUpperUp", "BrowDown"),
    "BrowInnerUp",
    *_both("BrowOuterUp"),
    "CheekPuff",
    *_both("CheekSquint", "NoseSneer"),
    "TongueOut",
)
_HEAD: tuple[str, ...] = ("HeadPitch", "HeadYaw", "HeadRoll")
_ANGLES = (
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    *(f"{side}Eye{axis}" for side in _SIDES for axis in ("Yaw", "Pitch", "Roll")),
)
_LIVE_LINK_FPS = 60.0
_MAX_BYTES = 512 << 20


@dataclass(frozen=True)
class FaceTrack:
    """`weights` (T, 52) 0..1 in the order of `ARKIT_52` · `head` (T, 3) rad · `gaze` (T, 2) rad · `fps`.

    `head` is pitch, yaw, roll: turns about X (positive looks down), Y (to the face's left) and Z (its left side rises),
    put together as yaw · pitch · roll. `gaze` is pitch and yaw of the eyes in the head, with the same signs.
    """

    weights: Array
    head: Array
    gaze: Array
    fps: float

    def __post_init__(self) -> None:
        count = len(self.weights)
        if self.weights.shape != (count, 52) or self.head.shape != (count, 3) or self.gaze.shape != (count, 2):
            raise InputError(
                f"Weights {self.weights.shape}, head {self.head.shape} and gaze {self.gaze.shape} do not fit together; "
                "give (T, 52), (T, 3) and (T, 2)."
            )
        if not all(np.isfinite(values).all() for values in (self.weights, self.head, self.gaze)):
            raise InputError("The face track holds values that are not numbers; repair or leave out those frames.")
        if count and (self.weights.min() < 0 or self.weights.max() > 1):
            raise InputError("A weight of the face track lies outside 0..1; clip the weights first.")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"The frame rate must be a positive number, not {self.fps}.")

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def save(self, path: str | Path) -> None:
        """Write .npz or, by its ending, a Live Link Face .csv or Audio2Face's .json, whole or not at all.

        Audio2Face's .json holds the shapes alone, without head and gaze. Raises InputError.
        """
        if Path(path).suffix.lower() == ".csv":
            _write_csv(self, path)
        elif Path(path).suffix.lower() == ".npz":
            save_npz(
                path,
                weights=self.weights,
                names=np.array(ARKIT_52),
                head=self.head,
                gaze=self.gaze,
                fps=np.float64(self.fps),
            )
        elif Path(path).suffix.lower() == ".json":
            write_face_json(self, path)
        else:
            raise InputError(f"A face track is saved as .json, .npz or .csv, not as {Path(path).name}.")

    @classmethod
    def load(cls, path: str | Path, fps: float | None = None) -> FaceTrack:
        """Read .npz, a Live Link Face .csv, or Audio2Face's .json.

        A .csv does not state its frame rate. It is read off the timecodes of a recording that spans a whole second;
        of a shorter one give `fps`, or it is taken as the app's own 60.

        Raises:
            InputError: the file is missing, damaged, or no face track.
        """
        if Path(path).suffix.lower() == ".json":
            return FaceTrack(*read_face_json(path, fps))
        return _read_csv(path, fps) if Path(path).suffix.lower() == ".csv" else _read_npz(path)


def _read_npz(path: str | Path) -> FaceTrack:
    wanted = ("weights", "names", "head", "gaze", "fps")
    fields = load_npz(path, wanted.__contains__)
    missing = [key for key in wanted if key not in fields]
    if missing:
        raise InputError(f"{path} is no face track: it lacks {', '.join(missing)}.")
    try:
        names = [str(name) for name in fields["names"]]
        order = [names.index(name) for name in ARKIT_52]
        weights, head, gaze = (np.array(fields[key], float) for key in ("weights", "head", "gaze"))
        return FaceTrack(weights[:, order], head, gaze, float(fields["fps"]))
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"{path} is no face track of ARKit's 52 shapes.") from error


def _write_csv(track: FaceTrack, path: str | Path) -> None:
    base = math.ceil(track.fps - 1e-6)
    weights = {name: track.weights[:, index] for index, name in enumerate(ARKIT_52)}
    angles: dict[str, Array] = dict(zip(_HEAD, track.head.T, strict=True))
    for side in _SIDES:
        angles[f"{side}EyePitch"], angles[f"{side}EyeYaw"] = track.gaze.T
        angles[f"{side}EyeRoll"] = np.zeros(len(track))
    table = np.stack(
        [weights[name[0].lower() + name[1:]] for name in _LIVE_LINK] + [angles[name] for name in _ANGLES], axis=1
    )
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["Timecode", "BlendShapeCount", *_LIVE_LINK, *_ANGLES])
        for frame, row in enumerate(table):
            # The thousandths are of a frame. Rounding up to the next second must carry through.
            thousandths = round(frame / track.fps * base * 1000)
            seconds, rest = divmod(thousandths, base * 1000)
            clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            timecode = f"{clock}:{rest // 1000:02}.{rest % 1000:03}"
            writer.writerow([timecode, table.shape[1], *(f"{value:.9g}" for value in row)])


def _read_csv(path: str | Path, fps: float | None) -> FaceTrack:
    data = read_bytes(path, _MAX_BYTES)
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a .csv text; give a Live Link Face recording.") from error
    columns = {name.strip().lower(): index for index, name in enumerate(rows[0])} if rows else {}
    wanted = ["timecode", *ARKIT_52]
    missing = [name for name in wanted if name.lower() not in columns]
    if missing:
        raise InputError(f"{path} is no Live Link Face recording: it lacks the column {missing[0]}.")
    turns = [name for name in _ANGLES if name.lower() in columns]
    cells = [columns[name.lower()] for name in (*ARKIT_52, *turns)]

    values: list[list[float]] = []
    clocks: list[str] = []
    for number, row in enumerate(rows[1:], 2):
        try:
            # The app writes a row without numbers while it sees no face: the face that it saw last is held.
            lost = len(row) <= 2 and len(values) > 0
            values.append(values[-1] if lost else [float(row[cell]) for cell in cells])
            clocks.append(row[columns["timecode"]])
        except (ValueError, IndexError) as error:
            raise InputError(f"{path} breaks off or holds no number in row {number}; mend or delete it.") from error
    if not values:
        raise InputError(f"{path} holds no frames.")
    table = np.array(values)
    angles = dict(zip(turns, table[:, 52:].T, strict=True))
    still = np.zeros(len(table))
    gaze = [
        (angles.get(f"LeftEye{axis}", still) + angles.get(f"RightEye{axis}", still)) / 2 for axis in ("Pitch", "Yaw")
    ]
    return FaceTrack(
        np.clip(table[:, :52], 0, 1),
        np.stack([angles.get(name, still) for name in _HEAD], axis=1),
        np.stack(gaze, axis=1),
        fps or _fps_of(clocks) or _LIVE_LINK_FPS,
    )


def _fps_of(clocks: list[str]) -> float | None:
    """The mean frame rate from timecodes hours:minutes:seconds:frames.thousandths; None if they do not tell it."""
    try:
        parts = np.array([[float(part) for part in clock.split(":")] for clock in clocks])
        seconds, frames = parts[:, :3] @ [3600, 60, 1], parts[:, 3]
    except (ValueError, IndexError):
        return None
    if seconds[-1] - seconds[0] < 2 and not (seconds[-1] - seconds[0] == 1 and frames[0] < 1):
        return None
    # Frames are counted within the second, so the highest count tells how many a second holds.
    times = seconds + frames / (np.floor(frames.max()) + 1)
    elapsed = times[-1] - times[0]
    return round(tidy_fps((len(times) - 1) / elapsed), 3) if elapsed > 0 else None
