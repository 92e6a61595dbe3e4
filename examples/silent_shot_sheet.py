# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw what is heard in rendered clips whose truth is known: python examples/silent_shot_sheet.py OUT.png CLIP.npz …

Of each clip (examples/impact_clips.py makes them): pictures, the hits and slides that happened, those that both methods
see in it as a film, and three spectrograms: the clip's sound by its truth, and those of the methods. Needs Pillow, the
bpy wheel and what the models need.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from avanim.models.audio import load_sound
from avanim.models.impact import METHODS
from avanim.models.impact.play import RATE, played, stretches
from avanim.models.impact.shots import FPS, MATERIALS, Clip, load_clip
from avanim.models.tasks import run
from avanim.rigs.impact.events import Events
from avanim.rigs.job import Job
from impact_sheet import spectrogram
from PIL import Image, ImageDraw

WIDTH, LEFT, ROW, TALL, PICTURES = 960, 90, 22, 110, 10
COLOURS = {
    "steel": (70, 90, 130), "glass": (60, 180, 190), "wood": (150, 80, 30), "plastic": (210, 60, 160),
    "ceramic": (150, 150, 60), "rubber": (30, 30, 30), "stone": (120, 120, 120), "cardboard": (220, 150, 60),
}  # fmt: skip
Row = tuple[str, list[tuple[float, float, float, str]], np.ndarray]  # name, (time, strength, seconds, material), sound


def filmed(clip: Clip, path: Path) -> None:
    """The clip's pictures as a silent film, four times as large."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=FPS)
        stream.width = stream.height = 4 * clip.frames.shape[1]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
        for picture in clip.frames.repeat(4, 1).repeat(4, 2):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def rows_of(clip: Clip, film: Path) -> list[Row]:
    kinds = [MATERIALS[kind] for kind in clip.materials]
    true = [(time, strength, 0.0, kind) for time, strength, kind in zip(clip.times, clip.strengths, kinds, strict=True)]
    true += [(a / FPS, 0.0, (b - a) / FPS, MATERIALS[clip.material]) for a, b in stretches(clip.slides > 0)]
    seconds = len(clip.frames) / FPS
    sound = played(
        clip.times, clip.strengths, kinds, clip.sizes, clip.slides > 0, MATERIALS[clip.material], seconds
    )  # fmt: skip
    rows: list[Row] = [("truth", true, sound)]
    for method in METHODS:
        wav, listed = film.with_name(f"{method}.wav"), film.with_name(f"{method}.json")
        run(Job("foley", str(film), {"method": method, "events": str(listed)}, str(wav)))
        events = Events.load(listed)
        loud = events.details.get("peaks", [event.speed for event in events])
        said = [
            (e.time, value, max(e.seconds, 0.2) if e.kind == "scrape" else 0.0, e.materials[0])
            for e, value in zip(events, loud, strict=True)
        ]
        rows.append((method, said, load_sound(wav, rate=RATE, mono=True).samples[0]))
    return rows


def sheet_of(clip: Clip, rows: list[Row]) -> Image.Image:
    side = WIDTH // PICTURES
    tall = side + 6 + (ROW + TALL + 4) * len(rows)
    sheet = Image.new("RGB", (LEFT + WIDTH, tall), "white")
    pen = ImageDraw.Draw(sheet)
    seconds = len(clip.frames) / FPS
    for number in range(PICTURES):
        picture = Image.fromarray(clip.frames[round((number + 0.5) / PICTURES * len(clip.frames))])
        sheet.paste(picture.resize((side - 2, side - 2), Image.Resampling.LANCZOS), (LEFT + number * side, 0))
    for number, (name, marks, sound) in enumerate(rows):
        y = side + 6 + (ROW + TALL + 4) * number
        pen.text((6, y + 6), name, "black")
        strongest = max((strength for _, strength, _, _ in marks), default=1.0) or 1.0
        for time, strength, lasting, material in sorted(marks, key=lambda mark: -mark[2]):
            x = LEFT + time / seconds * WIDTH
            if lasting:
                pen.rectangle([x, y + 14, x + lasting / seconds * WIDTH, y + 17], COLOURS.get(material, "black"))
            else:
                half = 3 + 7 * strength / strongest
                pen.line([(x, y + 11 - half), (x, y + 11 + half)], COLOURS.get(material, "black"), 4)
        sheet.paste(spectrogram(sound, RATE, WIDTH, TALL), (LEFT, y + ROW))
        names = list(dict.fromkeys(material for *_, material in marks))
        for line, material in enumerate(names[:6]):
            pen.text((6, y + ROW + 4 + 14 * line), material, COLOURS.get(material, "black"))
    return sheet


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sheets = []
    with tempfile.TemporaryDirectory() as folder:
        for path in sys.argv[2:]:
            clip, film = load_clip(path), Path(folder) / "film.mp4"
            filmed(clip, film)
            sheets.append(sheet_of(clip, rows_of(clip, film)))
    whole = Image.new("RGB", (sheets[0].width, sum(sheet.height + 12 for sheet in sheets)), "white")
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height + 12
    whole.quantize(128).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
