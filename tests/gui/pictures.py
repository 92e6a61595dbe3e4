# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the documentation's pictures of Blender's window anew: `python tests/gui/pictures.py`.

It needs what the tests with a window need (AVANIM_GUI_ROOT, see make_blender.sh), and takes about four minutes.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from run_blender import ROOT, run, why_not

PICTURES = ROOT / "docs" / "pictures"
_BORDER = 6  # pixels left under what is shown


def trimmed(image: Image.Image) -> Image.Image:
    """Without the empty rows at the bottom."""
    rows = np.asarray(image.convert("L"), float)[:, 8:-24]
    filled = np.flatnonzero(np.ptp(rows, axis=1) > 12)
    bottom = min(image.height, filled[-1] + 1 + _BORDER) if len(filled) else image.height
    return image.crop((0, 0, image.width, bottom))


def make(folder: Path) -> None:
    """Run the scenario in `folder` and write the pictures."""
    from avanim.build_addon import build_zip
    from avanim.models.audio import save_wav
    from avanim.models.audio.composer import compose

    extension, song = build_zip(folder, quiet=True), folder / "song.wav"
    save_wav(compose("disco", bpm=120, bars=10, seed=3, rate=22050).sound, song)
    (folder / "arguments.json").write_text(json.dumps({"extension": str(extension), "song": str(song)}))
    drive = ["--factory-startup", "--python", str(Path(__file__).with_name("drive.py"))]
    done = run([*drive, "--", "file_scenarios.pictures", str(folder)], folder, window=True, timeout=900)
    facts = json.loads((folder / "facts.json").read_text()) if (folder / "facts.json").exists() else {}
    if "error" in facts or "panel" not in facts:
        sys.exit(facts.get("error", "") + (done.stdout + done.stderr)[-2000:])
    for name, box in facts.items():
        if isinstance(box, list) and (folder / f"{name}.png").exists():
            image = Image.open(folder / f"{name}.png").convert("RGB").crop(box)
            image = image.resize((960, 540), Image.Resampling.LANCZOS) if name == "panel" else trimmed(image)
            path = PICTURES / f"{name}.png"
            image.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(path, optimize=True)
            print(f"{path.relative_to(ROOT)}: {image.width} x {image.height}, {path.stat().st_size >> 10} KB")


if __name__ == "__main__":
    if why_not():
        sys.exit(why_not())
    with tempfile.TemporaryDirectory(prefix="avanim-", dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        make(Path(made))
