# SPDX-License-Identifier: GPL-3.0-or-later
"""How exactly contacts are found, how right modes are, and how long the sound of a scene takes.

    python benchmarks/impacts.py [contacts] [first] [steps] [modes] [blows] [speed] [film]

`contacts`: eight mixed bodies that fall into a pile, in scenes by chance, against the solver's own steps: what is
written, by simulating again, and what is found from 24 frames a second by peaks of acceleration, by the rule of jerk of
an older add-on (its threshold is the best one on these very scenes), and by arcs of free flight. `first`: a ball's
first hit against free fall. `steps`: a dancer's steps and claps against what its moves say of the feet. `modes`: disc,
bar and tube against theory. `blows`: decay against the loss factor, and how long hammers touch. `speed`: contacts of
piles, modes of a mesh, ten seconds with 50 events, and 2,000 events. `film`: time and memory of films of four lengths
that are heard from their pictures. Needs the bpy wheel for the first three; prints tables.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
from avanim.rigs.impact import contact, detect, modes, shapes, synth
from avanim.rigs.impact.bake import bake
from avanim.rigs.impact.capture import Body, Capture
from avanim.rigs.impact.events import Event, Events
from avanim.rigs.impact.materials import MATERIALS

SCENES, FPS, SECONDS = 10, 24, 3
WINDOW = 1 / FPS  # s either side, within which a hit counts as found
HEARD = 0.3  # m/s


def pile(seed: int, bodies: int = 8):
    """A scene of so many bodies that fall."""
    import bpy

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
    for number in range(bodies):
        place = (*random.uniform(-0.4, 0.4, 2), 0.5 + 2.0 * number / bodies)
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
    return scene


def written(scene):
    """What the solver did, and per body the moments of its blows, s, as they are written."""
    from avanim.avanim_addon.scene import contacts, impact_events, impact_solver

    solved = impact_solver.solve(scene, scene.frame_end)
    scene.frame_set(1)
    shapes = contacts.shapes_of(impact_solver.bodies_of(scene))
    events = impact_events.events_of(solved, shapes, scene, scene.frame_start)
    hits = {}
    for name, mass in zip(solved.names, solved.masses, strict=True):
        # A body's own blow is the sum of what strikes it at once.
        mine = [
            (e.time, np.multiply(e.normal, e.impulse * (1 if e.objects[0] == name else -1) / mass))
            for e in events if e.kind == "hit" and name in e.objects
        ]  # fmt: skip
        hits[name] = []
        while mine:
            begin = mine[0][0]
            inside = [item for item in mine if item[0] < begin + detect.MERGED]
            if np.linalg.norm(np.sum([change for _, change in inside], axis=0)) > HEARD:
                hits[name].append(begin)
            mine = mine[len(inside) :]
    return solved, hits, events


def contacts() -> None:
    scenes, told, error, spread, blows = [], [], 0.0, 0, 0
    for seed in range(SCENES):
        solved, hits, events = written(pile(seed))
        error = max(error, solved.error)
        scenes += [(solved, row) for row in np.flatnonzero(solved.active)]
        told += [hits[solved.names[row]] for row in np.flatnonzero(solved.active)]
        spread += sum(len(event.spots) > 1 for event in events)
        blows += sum(event.kind == "hit" for event in events)
    truth = {}
    for number, (solved, row) in enumerate(scenes):
        jumps = detect.velocity_jumps(
            solved.places[row, : solved.until[row]], solved.step, solved.gravity, solved.dampings[row]
        )
        truth[number] = [hit.time for hit in detect.hits(jumps, solved.step, 9.81) if hit.size > HEARD]
    gravity = np.array([0, 0, -9.81])

    def score(find):
        matches, gaps = np.zeros(3), []
        for number, (solved, row) in enumerate(scenes):
            found = told[number] if find is None else [hit.time for hit in find(solved.visible[row])]
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
        ("simulated again (what is written)", score(None)),
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
    print(f"largest difference of the copy from the visible motion {error:.1e} m; the truth are the solver's steps of")
    print(f"4.2 ms. {blows} blows between two bodies are written, {spread} of them borne in several places")


def first() -> None:
    import bpy

    late = []
    for height in np.linspace(0.2, 2.6, 25):
        scene = pile(0, 0)
        bpy.ops.mesh.primitive_uv_sphere_add(radius=0.1, location=(0, 0, 0.1 + height))
        bpy.ops.rigidbody.object_add(type="ACTIVE")
        bpy.context.object.rigid_body.collision_shape = "SPHERE"
        _, hits, _ = written(scene)
        late.append(1e3 * (min(hits[bpy.context.object.name]) - np.sqrt(2 * height / 9.81)))
    late_by = f"{np.mean(late):.1f} ± {np.std(late):.1f} ms"
    print(f"First hit of a ball from {len(late)} heights, late against free fall: {late_by}")


def steps() -> None:
    """Dancers of our own moves, whose makers say when heels and balls stand."""
    import warnings

    import bpy
    from avanim.avanim_addon.scene import contacts
    from avanim.avanim_addon.scene import impact_keys as keys
    from avanim.avanim_addon.scene.character import add_character
    from avanim.avanim_addon.scene.take import Shape, write_take
    from avanim.rigs.moves import MOVES
    from avanim.rigs.moves.performing import Placed, perform
    from avanim.rigs.skeleton import Rest

    warnings.simplefilter("ignore", UserWarning)
    fine, fps, beat = 240, 30, 0.5
    print(f"Steps at {fps} frames a second against the moves' own contacts, within two frames")
    for name in ("walk", "march_pump", "salsa_basic", "jump", "step_clap", "waltz_box", "tango_walk", "running_man"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        scene.render.fps = fps
        armature = add_character(correctives=False)
        own = Shape.of(armature)
        rest = Rest(own.skeleton, own.joints - own.joints[0] + own.root, own.root[1] - own.joints[0][1])
        beats = MOVES[name].beats
        placed = [Placed(name, 2.0 + beats * k, mirrored=bool(k % 2)) for k in range(max(1, 16 // beats))]
        clock = np.arange(22) * beat
        write_take(armature, perform(placed, clock, rest, fps, MOVES).motion, name)
        stands = perform(placed, clock, rest, fine, MOVES).contacts
        scene.frame_start, scene.frame_end = 1, round(clock[-1] * fps)
        events = contacts.capture().events
        downs = [(np.flatnonzero(~m[:-1] & m[1:]) + 1) / fine for m in stands.T]
        on = stands[:, :2].any(1), stands[:, 2:].any(1)
        feet = [(np.flatnonzero(~m[:-1] & m[1:]) + 1) / fine for m in on]
        soles = keys.sample(scene, keys.figures_of(scene), [], 1, scene.frame_end).soles[0]
        gaps, heard, dragged, rate = [], [], [], fps * keys.SUBFRAMES
        for foot, side in enumerate(("left", "right")):
            mine = [event for event in events if event.part.startswith(side) and event.kind == "step"]
            drawn = [event for event in events if event.part == f"{side} foot"]
            for event in mine:
                part_ = downs[2 * foot + (event.part != f"{side} heel")]
                gaps.append(min((event.time - when for when in (*feet[foot], *part_)), key=abs))
            points = soles[:, 2 * foot : 2 * foot + 2, 2]
            aloft = (points - np.percentile(points, 5, axis=0)).min(1) > keys._LIFTED
            lifts = np.flatnonzero(on[foot][:-1] & ~on[foot][1:]) / fine
            for when in feet[foot]:
                since = max((moment for moment in lifts if moment < when), default=0.0)
                if aloft[round(since * rate) : round(when * rate)].any():
                    heard.append(min((abs(e.time - when) for e in mine), default=9) <= 2 / fps)
                else:
                    # It stood, was drawn over the floor, and stands again.
                    dragged.append(any(since - 0.1 < e.time + e.seconds and e.time < when + 0.1 for e in drawn))
        near = np.array([gap for gap in gaps if abs(gap) <= 2 / fps])
        claps = [event.time / beat for event in events if event.part == "hands"]
        off = [1e3 * beat * (c - round(c)) for c in claps]
        print(
            f"{name:<14}{len(gaps):4d} events, right {len(near)}/{len(gaps)}, "
            f"lifted feet heard {sum(heard)}/{len(heard)}, dragged {sum(dragged)}/{len(dragged)}, "
            f"|t| median {1e3 * np.median(abs(near)):5.1f} p90 {1e3 * np.percentile(abs(near), 90):5.1f} ms"
            + (f"; {len(claps)} claps, {np.mean(off):+.0f} ms from the beat" if claps else "")
        )


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


def blows() -> None:
    print("Decay of the lowest mode as heard, against pi times loss times frequency (1/s)")
    for name in ("steel", "glass", "ceramic", "wood", "plastic", "rubber"):
        matter = MATERIALS[name]
        made = modes.analyse(*shapes.disc(0.1, 24, 5), matter, 0.003)
        one = modes.Modes(made.frequencies[:1], made.shapes[:1], made.positions, made.normals, made.mass, made.area)
        blow = synth.Blow(0.0, np.array([0, 0, 1.0]), made.positions[5], 2e-5)
        wanted = matter.decay(float(one.frequencies[0]))
        sound = synth.ring(one, matter, [blow], [], round(4 * synth.RATE / min(wanted, 400)) + synth.RATE // 10)
        # The straight line through the logarithm of the peaks of each period.
        period = max(2, round(synth.RATE / one.frequencies[0]))
        size = len(sound) // period
        peaks = np.abs(sound[: size * period]).reshape(size, period).max(1)
        inside = (peaks < 0.6 * peaks.max()) & (peaks > 0.02 * peaks.max()) & (np.arange(size) > peaks.argmax())
        slope = np.polyfit(np.flatnonzero(inside) * period / synth.RATE, np.log(peaks[inside]), 1)[0]
        off = 100 * (-slope / wanted - 1)
        print(f"  {name:<10}{one.frequencies[0]:7.0f} Hz{-slope:9.2f} for {wanted:8.2f} ({off:+.1f} %)")
    print("How long a hammer of 0.15 kg touches steel, to a tenth of its force (recorded hammers: 0.39 to 1.34 ms)")
    for tip in ("rubber", "wood", "plastic", "steel"):
        modulus = contact.contact_modulus(MATERIALS[tip], MATERIALS["steel"])
        wide = [
            1e3 * (1 - 2 * np.arcsin(0.1) / np.pi) * contact.hertz_duration(0.15, modulus, 0.006, v) for v in (0.5, 3)
        ]
        print(f"  {tip:<10}{wide[0]:6.2f} ms at 0.5 m/s, {wide[1]:5.2f} at 3 m/s")


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

    print("Processor seconds")
    for count in (8, 50):
        made = pile(1, count)
        found = []
        took = timed(lambda s=made, f=found: f.append(written(s)))
        print(f"contacts of a pile of {count} bodies, 3 s at 24 x 10 steps, {len(found[0][2])} events{took:11.2f}")
    with tempfile.TemporaryDirectory() as folder:
        bodies = scene(5, 1.0).bodies[1:]
        for body in (bodies[1], bodies[0]):
            took = timed(lambda b=body: modes.analyse(b.vertices, b.triangles, MATERIALS[b.material], b.thickness))
            kind = "shell" if body.thickness else "solid"
            print(f"modes of a {kind:<40}{took:8.2f}")
        bake(scene(50, 1.0), cache=folder)  # the modes are known from here on
        for count, seconds in ((50, 10.0), (500, 10.0), (1000, 10.0), (2000, 10.0)):
            made = scene(count, seconds)
            took = min(timed(lambda m=made: bake(m, cache=folder)) for _ in range(2))
            print(f"{count:>5} events in {seconds:g} s at 48 kHz, stereo, 6 bodies{took:13.2f}")


_HEAR = """
import resource, sys, time
from avanim.models.tasks import run
from avanim.rigs.job import Job
begin = time.process_time()
run(Job("foley", sys.argv[1], {"method": sys.argv[2]}, sys.argv[3]))
print(time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def film() -> None:
    """A ball bounces for 10 s to 10 min, heard by the trained networks, each in a process of its own."""
    import subprocess
    import tempfile
    from pathlib import Path

    import av

    print("A film of 30 pictures a second: processor seconds, and the most memory of the process, MB")
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (10, 60, 200, 600):
            path = Path(folder) / f"{seconds}.mp4"
            with av.open(str(path), "w") as out:
                stream = out.add_stream("mpeg4", rate=30)
                stream.width, stream.height, stream.pix_fmt = 256, 192, "yuv420p"
                rows, columns = np.mgrid[:192, :256]
                for number in range(30 * seconds):
                    height = 120 * abs(np.cos(np.pi * number / 30))
                    ball = (rows - 160 + height) ** 2 + (columns - 128) ** 2 < 300
                    picture = np.where(ball, 220, np.where(rows > 176, 90, 40)).astype(np.uint8)
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(picture[..., None].repeat(3, 2), format="rgb24")))
                out.mux(stream.encode())
            for method in ("foley", "indicated"):
                words = [sys.executable, "-c", _HEAR, str(path), method, str(path.with_suffix(".wav"))]
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                used, most = map(float, done.stdout.split())
                print(f"{seconds:4d} s by {method:<10}{used:9.1f} s {most:8.0f} MB", flush=True)


if __name__ == "__main__":
    parts = {
        "contacts": contacts, "first": first, "steps": steps, "modes": theory, "blows": blows, "speed": speed,
        "film": film,
    }  # fmt: skip
    for name in sys.argv[1:] or parts:
        parts[name]()
