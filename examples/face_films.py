# SPDX-License-Identifier: GPL-3.0-or-later
"""Films with sound of the default characters speaking several languages, and a contact sheet of each mouth.

    python examples/face_films.py [--languages en de fr zh] [--speech FILE …] [--seconds 20] [--out DIR]

The sheet shows the frames around every p, b, m, f, v, w and o as they were heard. espeak-ng speaks (pip install
espeakng-loader); recordings of your own follow with --speech. Needs the bpy wheel and Pillow.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
from avanim.models.audio import save_wav
from avanim.models.speech.espeak import speak
from avanim.rigs.phones import Phones
from avanim.rigs.sound import Sound
from PIL import Image, ImageDraw

AROUND = {"p", "b", "m", "f", "v", "w", "o", "ao"}
CHARACTERS = ("female", "neutral", "male")
ROW = 12  # mouths beside each other
# The part of the picture that the mouth is in, from left, top, right, bottom: its size is that of talk.py's camera.
MOUTH = (0.37, 0.67, 0.57, 0.89)
SAID = {
    "en": (
        "en-us+f3",
        "Bob, my friend, will move over to the window before five. People often prefer to wear warm woollen "
        "vests. Both of us know what a wonderful view opens above the bay. My brother bought some very fine "
        "pepper from a farm. Do you want more of it, or would you rather wait? Perhaps we may find the puppy "
        "below the wooden bridge.",
    ),
    "de": (
        "de+m3",
        "Mein Bruder Peter wohnt oben am Marktplatz und backt viele feine Brote. Fünf junge Frauen warten vor dem"
        " Bahnhof auf einen Omnibus. Warum willst du mir nicht helfen, wenn ich dich so freundlich bitte? Über "
        "den Fluss führt eine schöne, alte Brücke aus Holz. Wir wollen morgen früh durch den Wald wandern.",
    ),
    "fr": (
        "fr-fr+f2",
        "Bonjour, je m'appelle Paul et j'habite au bord de la mer avec ma famille. Voulez-vous boire un peu de "
        "vin blanc ? Mon frère vient de partir pour Bordeaux. Il faut ouvrir la fenêtre avant de fermer la porte."
        " Nous avons beaucoup parlé de votre beau voyage. Il pleuvait, mais nous avons vu le vieux moulin.",
    ),
    "zh": (
        "cmn-latn-pinyin+m1",
        "ni3 hao3 peng2 you3 men, wo3 fei1 chang2 gao1 xing4 neng2 gou4 pei2 ban4 ni3 men. ming2 tian1 wo3 men "
        "yao4 qu4 bei3 jing1 fang3 wen4 wo3 de fu4 mu3. ta1 mai3 le wu3 ben3 fei1 chang2 hao3 de shu1. wo3 bu2 "
        "pa4 feng1 bao4. wai4 mian4 xia4 yu3 le, qing3 ba3 men2 guan1 shang4.",
    ),
}  # fmt: skip


def spoken(language: str, folder: Path) -> Path:
    voice, text = SAID[language]
    samples, rate, _ = speak(text, voice, rate=150)
    path = folder / f"{language}.wav"
    save_wav(Sound(samples[None], rate), path)
    return path


def film(speech: Path, character: str, out: Path, wishes: argparse.Namespace) -> Phones:
    """Rendered as the command line does; the phones that were heard."""
    command = [
        *(sys.executable, "-m", "avanim", "face", str(speech), "-o", str(out), "--character", character, "--json"),
        *("--fps", str(wishes.fps), "--seconds", str(wishes.seconds), "--size", "960x540", "--engine", wishes.engine),
    ]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return Phones.from_dict(json.loads(said.strip().splitlines()[-1])["phones"])


def sheet(film: Path, phones: Phones, fps: float) -> Image.Image:
    with av.open(str(film)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    # A frame shows what is said half a frame before it to half a frame after it.
    times = np.arange(len(frames)) / fps
    names = [
        [n for s, e, n in zip(phones.start, phones.end, phones.names, strict=True) if s < t + 0.5 / fps < e + 1 / fps]
        for t in times
    ]
    near = [any(AROUND & set(row) for row in names[max(i - 1, 0) : i + 2]) for i in range(len(frames))]
    chosen = np.flatnonzero(near)
    wide, high = frames[0].size
    box = [round(share * size) for share, size in zip(MOUTH, (wide, high, wide, high), strict=True)]
    size = box[2] - box[0], box[3] - box[1]
    whole = Image.new("RGB", (ROW * size[0], -(-len(chosen) // ROW) * (size[1] + 14)))
    pen = ImageDraw.Draw(whole)
    for place, frame in enumerate(chosen):
        x, y = place % ROW * size[0], place // ROW * (size[1] + 14)
        whole.paste(frames[frame].crop(tuple(box)), (x, y + 14))
        pen.text((x + 4, y + 1), f"{frame}  {' '.join(names[frame])}", fill=(255, 230, 120))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="*", default=list(SAID), choices=list(SAID))
    parser.add_argument("--speech", nargs="*", type=Path, default=[])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--fps", type=float, default=12.0)
    parser.add_argument("--engine", default="workbench")
    parser.add_argument("--out", type=Path, default=Path("face_films"))
    wishes = parser.parse_args()
    wishes.out.mkdir(parents=True, exist_ok=True)
    sounds = [spoken(language, wishes.out) for language in wishes.languages] + wishes.speech
    for number, speech in enumerate(sounds):
        out = wishes.out / f"{speech.stem}.mp4"
        phones = film(speech, CHARACTERS[number % len(CHARACTERS)], out, wishes)
        sheet(out, phones, wishes.fps).save(wishes.out / f"{speech.stem}.png")
        print(out)


if __name__ == "__main__":
    main()
