# SPDX-License-Identifier: GPL-3.0-or-later
"""How exactly contacts are found, how right modes are, and how long the sound of a scene takes.

    python benchmarks/impacts.py [contacts] [modes] [speed]

`contacts`: eight mixed bodies that fall into a pile, in scenes by chance, against the solver's own steps: what is found
from 24 frames a second by peaks of acceleration, by the rule of jerk of an older add-on (its threshold is the best one
on these very scenes), and by arcs of free flight; simulating again is the truth itself. `modes`: disc, bar and tube
against theory. `speed`: modes of a mesh, ten seconds with 50 events, and 2,000 events. Needs the bpy wheel for the
first; prints tables.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
from avanim.rigs.impact import detect, modes, shapes
from avanim.rigs.impact.bake import bake
from avanim.rigs.impact.capture import Body, Capture
from avanim.rigs.impact.events import Event, Events
from avanim.rigs.impact.materials import MATERIALS

SCENES, FPS, SECONDS = 10, 24, 3
WINDOW = 1 / FPS  # s either side, within which a hit counts as found
HEARD = 0.3  # m/s


def pile(seed: int):
    """A scene of eight bodies that fall; its rigid bodies' motion at every step."""
    import bpy
    from avanim.avanim_addon.scene import impact_solver

    random = np.random.default_rng(seed)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_end = FPS, FPS * SECONDS
    bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.point_cache.frame_end = scene.frame_end
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, -0.1))
    bpy.context.object.scale = (8, 8, 0.2)
    bpy.ops.rigidbody.object_add(type="PASSIVE")
    bpy.context.object.rigid_body.collision_shape = "BOX"
    add = bpy.ops.mesh
    for number in range(8):
        place = (*random.uniform(-0.4, 0.4, 2), 0.5 + 0.25 * number)
        (
            lambda at: add.primitive_cube_add(size=0.2, location=at),
            lambda at: add.primitive_uv_sphere_add(radius=0.1, location=at),
            lambda at: add.primitive_cylinder_add(radius=0.12, depth=0.03, location=at),
            lambda at: add.primitive_cylinder_add(radius=0.04, depth=0.3, location=at),
        )[number % 4](place)
        thing = bpy.context.object
        thing.rotation_euler = random.uniform(-3, 3, 3)
        bpy.ops.rigidbody.object_add(type="ACTIVE")
        thing.rigid_body.restitution = 0.4
    return impact_solver.solve(scene, scene.frame_end)


def contacts() -> None:
    scenes, error = [], 0.0
    for seed in range(SCENES):
        solved = pile(seed)
        error = max(error, solved.error)
        scenes += [(solved, row) for row in np.flatnonzero(solved.active)]
    truth = {}
    for number, (solved, row) in enumerate(scenes):
        jumps = detect.velocity_jumps(
            solved.places[row, : solved.until[row]], solved.step, solved.gravity, solved.dampings[row]
        )
        truth[number] = [hit.time for hit in detect.hits(jumps, solved.step, 9.81, HEARD)]
    gravity = np.array([0, 0, -9.81])

    def score(find):
        matches, gaps = np.zeros(3), []
        for number, (solved, row) in enumerate(scenes):
            found = [hit.time for hit in find(solved.visible[row])]
            match = detect.matched(truth[number], found, WINDOW)
            matches += [match.recall * len(truth[number]), len(truth[number]), len(found)]
            # The errors of all, not of each body's median.
            near = [min((t - s for s in truth[number]), key=abs) for t in found] if truth[number] else []
            gaps += [gap for gap in near if abs(gap) <= WINDOW]
        recall, precision = matches[0] / max(matches[1], 1), matches[0] / max(matches[2], 1)
        f1 = 2 * matches[0] / max(matches[1] + matches[2], 1)
        far = np.abs(gaps) if gaps else np.array([np.nan])
        bias = np.median(gaps) if gaps else np.nan
        return (
            recall,
            precision,
            f1,
            1e3 * np.median(far),
            1e3 * np.percentile(far, 90),
            1e3 * bias,
        )

    rules = [
        (limit, score(lambda p, limit=limit: detect.jerk_rule(p, FPS, limit))) for limit in (10, 30, 100, 300, 1000)
    ]
    best = max(rules, key=lambda item: item[1][2])
    rows = [
        ("acceleration peak", score(lambda p: detect.acceleration_peaks(p, FPS, gravity, HEARD))),
        (f"jerk rule, best threshold ({best[0]})", best[1]),
        ("arcs of free flight", score(lambda p: detect.arc_hits(p, FPS, gravity, HEARD))),
    ]
    total = sum(len(times) for times in truth.values())
    print(f"Contacts from {FPS} frames a second: {SCENES} scenes, {len(scenes)} bodies, {total} hits over {HEARD} m/s")
    print(f"{'':<38}recall precision   F1   |t| median  p90     bias (ms)")
    for name, values in rows:
        print(
            f"{name:<38}{values[0]:6.2f}{values[1]:8.2f}{values[2]:8.2f}{values[3]:10.1f}{values[4]:9.1f}{values[5]:9.1f}"
        )
    print(f"simulated again: the truth; largest difference from the visible motion {error:.1e} m")


def theory() -> None:
    steel, glass = MATERIALS["steel"], replace(MATERIALS["glass"], poisson=0.33)
    rows = []
    stiffness = glass.young * 0.003**3 / 12 / (1 - 0.33**2)
    wanted = np.array([5.253, 9.084, 12.23]) / (2 * np.pi * 0.1**2) * np.sqrt(stiffness / glass.density / 0.003)
    rows.append(("glass disc, 3 mm", modes.analyse(*shapes.disc(0.1), glass, 0.003), wanted))
    wave = np.sqrt(steel.young * 0.01**2 / 12 / steel.density)
    wanted = np.array([4.7300, 7.8532, 10.9956]) ** 2 / (2 * np.pi * 0.3**2) * wave
    rows.append(("steel bar, 10 mm", modes.analyse(*shapes.box(0.3, 0.01, 0.01), steel), wanted))
    n = np.array([2, 3, 4])
    wave = np.sqrt(steel.young * 0.004**2 / 12 / steel.density / (1 - steel.poisson**2))
    wanted = n * (n**2 - 1) / np.sqrt(n**2 + 1) / (2 * np.pi * 0.1**2) * wave
    rows.append(("steel tube, 4 mm", modes.analyse(*shapes.tube(0.1, 0.3), steel, 0.004), wanted))
    print("Modes against theory (Hz)")
    for name, made, wanted in rows:
        near = [made.frequencies[np.argmin(np.abs(made.frequencies - f))] for f in wanted]
        text = "   ".join(
            f"{a:7.1f} for {f:7.1f} ({100 * (a / f - 1):+.1f} %)" for a, f in zip(near, wanted, strict=True)
        )
        print(f"{name:<18}{made.kind:<7}{text}")


def scene(count: int, seconds: float) -> Capture:
    random = np.random.default_rng(0)
    names = ("steel", "glass", "wood", "ceramic", "plastic")
    frames, still = round(seconds * FPS), np.eye(3)[None]
    bodies = [Body("floor", "wood", *shapes.box(8, 0.1, 8), np.zeros((1, 3)), still, fixed=True)]
    for number, name in enumerate(names):
        way = np.cumsum(random.normal(0, 0.02, (frames, 3)), 0) + np.array([number - 2, 1, -3])
        mesh = shapes.disc(0.12, 24, 6) if number % 2 else shapes.box(0.2, 0.15, 0.1)
        bodies.append(Body(name, name, *mesh, way, np.repeat(still, frames, 0), 0.5, 0.004 if number % 2 else None))
    events = []
    for time_ in np.sort(random.uniform(0, seconds - 0.1, count)):
        body = bodies[1 + int(random.integers(len(names)))]
        point = tuple(body.place(time_, FPS)[0] + random.uniform(-0.05, 0.05, 3))
        impulse, pair = float(random.uniform(0.05, 0.5)), (body.material, "wood")
        events.append(Event(time_, point, impulse, pair, objects=(body.name, "floor"), speed=1.0, mass=0.5))
    look = np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]])
    return Capture(tuple(bodies), Events(tuple(events), FPS, 1, seconds), np.array([[0.0, 1.5, 1]]), look, FPS)


def speed() -> None:
    import tempfile

    def timed(work) -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    with tempfile.TemporaryDirectory() as folder:
        bodies = scene(5, 1.0).bodies[1:]
        print("Processor seconds")
        for body in (bodies[1], bodies[0]):
            took = timed(lambda b=body: modes.analyse(b.vertices, b.triangles, MATERIALS[b.material], b.thickness))
            kind = "shell" if body.thickness else "solid"
            print(f"modes of a {kind:<40}{took:8.2f}")
        bake(scene(50, 1.0), cache=folder)  # the modes are known from here on
        for count, seconds in ((50, 10.0), (500, 10.0), (1000, 10.0), (2000, 10.0)):
            made = scene(count, seconds)
            took = min(timed(lambda m=made: bake(m, cache=folder)) for _ in range(2))
            print(f"{count:>5} events in {seconds:g} s at 48 kHz, stereo, 6 bodies{took:13.2f}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ("contacts", "modes", "speed"):
        {"contacts": contacts, "modes": theory, "speed": speed}[name]()
