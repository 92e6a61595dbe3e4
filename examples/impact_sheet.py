# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw what the impacts of a scene are and how they sound: a picture, the events of each object, a spectrogram.

    python examples/impact_sheet.py OUT.png [SCENE.blend] [--frame N] [--ground MATERIAL]

Without a scene a pile of mixed things falls. The sound is written beside the picture, as .wav. Needs the bpy wheel,
Pillow and what the models need.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import bpy
import numpy as np
from avanim.avanim_addon.scene import contacts, performance
from avanim.avanim_addon.scene.render import render
from avanim.models.audio import load_sound
from avanim.models.tasks import run
from avanim.rigs.impact.events import Events
from avanim.rigs.job import Job
from PIL import Image, ImageDraw

WIDTH, ROW, TALL, LEFT = 900, 20, 300, 130
PICTURE = 300  # pixels, of the picture on top
COLOURS = {"hit": (220, 60, 40), "step": (30, 110, 200), "scrape": (230, 150, 30), "roll": (60, 160, 80)}


def pile(frames: int = 84) -> None:
    """Eight things of eight materials fall onto a wooden floor, each with the mass that its material gives it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, frames
    bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.point_cache.frame_end = frames
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, -0.1))
    floor = bpy.context.object
    floor.name, floor.scale = "Floor", (5, 5, 0.2)
    bpy.ops.rigidbody.object_add(type="PASSIVE")
    floor.rigid_body.collision_shape = "BOX"
    coloured(floor, (0.45, 0.3, 0.18))
    random, add = np.random.default_rng(4), bpy.ops.mesh
    things = (
        ("steel", 0.45, (0.55, 0.6, 0.68), lambda at: add.primitive_cylinder_add(radius=0.02, depth=0.3, location=at)),
        (
            "glass",
            0.25,
            (0.35, 0.75, 0.7),
            lambda at: add.primitive_cylinder_add(radius=0.1, depth=0.005, vertices=48, location=at),
        ),
        ("wood", 0.7, (0.7, 0.45, 0.2), lambda at: add.primitive_cube_add(size=0.12, location=at)),
        (
            "ceramic",
            0.4,
            (0.93, 0.9, 0.82),
            lambda at: add.primitive_cylinder_add(radius=0.12, depth=0.008, vertices=48, location=at),
        ),
        ("plastic", 0.2, (0.85, 0.15, 0.15), lambda at: add.primitive_cube_add(size=0.09, location=at)),
        (
            "aluminium",
            0.3,
            (0.8, 0.82, 0.86),
            lambda at: add.primitive_cylinder_add(radius=0.012, depth=0.4, location=at),
        ),
        ("stone", 1.2, (0.35, 0.35, 0.38), lambda at: add.primitive_ico_sphere_add(radius=0.06, location=at)),
        ("rubber", 0.15, (0.08, 0.08, 0.1), lambda at: add.primitive_uv_sphere_add(radius=0.05, location=at)),
    )
    for number, (name, mass, colour, make) in enumerate(things):
        make((*random.uniform(-0.35, 0.35, 2), 0.5 + 0.28 * number))
        thing = bpy.context.object
        thing.name, thing["avanim_sound_material"] = name.title(), name
        coloured(thing, colour)
        thing.rotation_euler = random.uniform(-3, 3, 3)
        bpy.ops.rigidbody.object_add(type="ACTIVE")
        thing.rigid_body.mass, thing.rigid_body.restitution = mass, 0.4
    lens = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(lens)
    lens.location, lens.rotation_euler = (0.9, -1.5, 0.75), (1.15, 0, 0.54)
    scene.camera = lens


def coloured(thing: bpy.types.Object, colour: tuple[float, float, float]) -> None:
    material = bpy.data.materials.new(thing.name)
    material.diffuse_color = (*colour, 1)
    thing.data.materials.append(material)


def spectrogram(sound: np.ndarray, rate: int, width: int, tall: int) -> Image.Image:
    """40 Hz to 20 kHz, octaves evenly, 80 dB."""
    size, hop = 2048, max(1, len(sound) // width)
    padded = np.concatenate([np.zeros(size // 2), sound, np.zeros(size)])
    frames = np.stack([padded[n * hop : n * hop + size] for n in range(width)]) * np.hanning(size)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-9)
    tones = 40 * 500 ** np.linspace(1, 0, tall)
    bins = np.arange(level.shape[1]) * rate / size
    rows = np.stack([np.interp(tones, bins, column) for column in level], 1)
    shade = np.clip((rows - rows.max()) / 80 + 1, 0, 1)
    colours = np.stack([np.clip(2.2 * shade - 0.4, 0, 1), shade**1.8, np.clip(0.25 + shade - 1.1 * shade**3, 0, 1)], -1)
    return Image.fromarray((255 * colours).astype(np.uint8))


def draw(events: Events, sound: np.ndarray, rate: int, still: Image.Image, path: Path) -> None:
    names = list(dict.fromkeys(event.objects[0] for event in events))
    parts = {(e.objects[0], e.part) for e in events if e.part}
    rows = [(name, "") for name in names if all(name != n for n, _ in parts)] + sorted(parts)
    top = still.height
    sheet = Image.new("RGB", (LEFT + WIDTH, top + 24 + ROW * len(rows) + TALL + 24), "white")
    sheet.paste(still, (LEFT, 0))
    pen = ImageDraw.Draw(sheet)
    scale = WIDTH / events.seconds
    loudest = max(event.impulse for event in events if not event.track)
    for number, (name, part) in enumerate(rows):
        y = top + 24 + ROW * number
        pen.text((6, y + 4), f"{name} {part}".strip(), "black")
        pen.line([(LEFT, y + ROW // 2), (LEFT + WIDTH, y + ROW // 2)], (225, 225, 225))
        for event in events:
            if event.objects[0] != name or event.part != part:
                continue
            x, colour = LEFT + event.time * scale, COLOURS[event.kind]
            if event.track:
                pen.rectangle([x, y + 7, x + event.seconds * scale, y + ROW - 7], colour)
            else:
                half = max(2.0, 9 * (event.impulse / loudest) ** 0.33)
                pen.line([(x, y + ROW / 2 - half), (x, y + ROW / 2 + half)], colour, 3)
    base = top + 24 + ROW * len(rows)
    sheet.paste(spectrogram(sound, rate, WIDTH, TALL), (LEFT, base))
    for tone, text in ((100, "100 Hz"), (1000, "1 kHz"), (10000, "10 kHz")):
        y = base + TALL * (1 - np.log(tone / 40) / np.log(500))
        pen.line([(LEFT - 6, y), (LEFT, y)], "black")
        pen.text((LEFT - 60, y - 6), text, "black")
    for second in range(int(events.seconds) + 1):
        pen.text((LEFT + second * scale, base + TALL + 4), f"{second} s", "black")
    for number, (kind, colour) in enumerate(COLOURS.items()):
        pen.rectangle([LEFT + 90 * number, top + 8, LEFT + 12 + 90 * number, top + 18], colour)
        pen.text((LEFT + 18 + 90 * number, top + 7), kind, "black")
    sheet.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("scene", nargs="?")
    parser.add_argument("--frame", type=int, help="that is shown; by default the last")
    parser.add_argument("--ground", help="what the floor is made of")
    told = parser.parse_args()
    if told.scene:
        performance.open_scene(told.scene)
    else:
        pile()
    scene = bpy.context.scene
    if told.ground:
        scene[contacts.GROUND] = told.ground
        for obj in scene.objects:
            if obj.type == "MESH" and obj.parent is None:
                obj["avanim_sound_material"] = told.ground
    warnings.simplefilter("ignore", UserWarning)
    with tempfile.TemporaryDirectory() as folder:
        captured, still = Path(folder) / "scene.npz", Path(folder) / "still.png"
        events = contacts.capture(captured).events
        job = Job("impacts", str(captured), {"layout": "stereo"}, str(told.out.with_suffix(".wav")))
        made = run(job)
        render(still, size=(PICTURE * 16 // 9 if told.scene else WIDTH, PICTURE), frame=told.frame or scene.frame_end)
        with Image.open(still) as picture:
            sound = load_sound(told.out.with_suffix(".wav"), rate=48000)
            draw(events, sound.mono(), 48000, picture.convert("RGB"), told.out)
    print(
        f"{len(events)} events; full scale is {made['pascal']:.2f} Pa ({made['decibel']:.0f} dB SPL); {made['modes']}"
    )


if __name__ == "__main__":
    main()
