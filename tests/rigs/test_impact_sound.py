# SPDX-License-Identifier: GPL-3.0-or-later
"""From a blow to what is heard: pulse, ring, decay, space, and bad lists of events."""

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.impact import bundle, contact, detect, modes, space, synth
from avanim.rigs.impact.bake import bake, levelled
from avanim.rigs.impact.capture import Body, Capture
from avanim.rigs.impact.events import Event, Events
from avanim.rigs.impact.materials import MATERIALS
from avanim.rigs.impact.shapes import box, disc

RATE = synth.RATE
LOOK = np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]])


def captured(material="glass", *events, **how):
    plate = Body("plate", material, *disc(0.1, 24, 5), np.array([[0.0, 1, -2]]), np.eye(3)[None], 0.25, 0.003)
    floor = Body("floor", "wood", *box(8, 0.1, 8), np.zeros((1, 3)), np.eye(3)[None], fixed=True)
    events = events or (blow(),)
    return Capture((plate, floor), Events(events, seconds=how.pop("seconds", 0.6)), np.array([[0.0, 1, 0]]), LOOK, 24.0)


def blow(time=0.1, **fields):
    values = dict(
        point=(0.09, 1.0, -2.0), impulse=0.2, materials=("glass", "wood"), objects=("plate", "floor"),
        normal=(0.0, 0.0, 1.0), speed=1.0, mass=0.25,
    )  # fmt: skip
    return Event(time, **{**values, **fields})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("modes")


def test_pulses_keep_the_impulse_to_the_sample_and_below():
    times, lasts = np.array([0.0101234, 0.02, 0.03]), np.array([0.001, 1e-5, 0.0004])
    samples, events, shares = contact.pulses(times, lasts, RATE, RATE)
    assert np.bincount(events, shares) == pytest.approx(np.ones(3))
    middle = np.bincount(events, shares * (samples + 0.5) / RATE)
    assert middle == pytest.approx(times + lasts / 2, abs=0.5 / RATE)
    assert len(contact.pulses([-1.0, 5.0], [0.001, 0.001], RATE, RATE)[0]) == 0


def test_a_hammer_lasts_as_long_as_measured_ones():
    """10 % widths of recorded hammer hits are 0.39 to 1.34 ms; a half sine is 10 % wide for 0.94 of its length."""
    plastic, steel = MATERIALS["plastic"], MATERIALS["steel"]
    modulus = contact.contact_modulus(plastic, steel)
    for speed in (0.5, 1.0, 3.0):
        last = contact.hertz_duration(0.15, modulus, 0.006, speed) * (1 - 2 * np.arcsin(0.1) / np.pi)
        assert 0.39e-3 < last < 1.34e-3
    hard = contact.hertz_duration(0.15, contact.contact_modulus(steel, steel), 0.006, 1.0)
    assert hard < contact.hertz_duration(0.15, modulus, 0.006, 1.0)
    assert contact.flat_duration(0.15, modulus, 1e-4) < 1e-3


def test_hertz_against_the_equation_of_motion():
    """m x'' = -(4/3) E* sqrt(R) x^1.5, step by step."""
    mass, modulus, radius, speed = 0.1, 1e9, 0.02, 1.0
    x, v, t, h = 0.0, speed, 0.0, 1e-8
    while x >= 0:
        v -= 4 / 3 * modulus * np.sqrt(radius) * max(x, 0) ** 1.5 / mass * h
        x, t = x + v * h, t + h
    assert contact.hertz_duration(mass, modulus, radius, speed) == pytest.approx(t, rel=0.005)


def test_curvature_of_ball_face_and_edge():
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 33)[:-1], np.linspace(0.05, np.pi - 0.05, 17))
    ball = 0.1 * np.stack([np.cos(turn) * np.sin(rise), np.sin(turn) * np.sin(rise), np.cos(rise)], -1).reshape(-1, 3)
    cell = np.arange(16)[:, None] * 32 + np.arange(32)
    after = np.arange(16)[:, None] * 32 + (np.arange(32) + 1) % 32
    faces = np.concatenate([np.stack([cell, after, after + 32], -1), np.stack([cell, after + 32, cell + 32], -1)])
    radius = contact.local_radius(ball, faces.reshape(-1, 3), [0.1, 0, 0], 0.2)
    assert radius == pytest.approx(0.1, rel=0.35)
    cube = box(0.2, 0.2, 0.2)
    assert contact.local_radius(*cube, [0.1, 0.1, 0.1], 0.2) == pytest.approx(0.004)


@pytest.mark.parametrize("name", ["glass", "wood", "plastic"])
def test_a_mode_dies_down_as_its_loss_says(name, folder):
    """d = pi loss f: measured off the sound of a single mode, within 3 %."""
    matter = MATERIALS[name]
    made = modes.cached(folder, *disc(0.1, 24, 5), matter, 0.003)
    one = modes.Modes(made.frequencies[:1], made.shapes[:1], made.positions, made.normals, made.mass, made.area)
    blows = [synth.Blow(0.0, np.array([0, 0, 1.0]), made.positions[5], 2e-5)]
    sound = synth.ring(one, matter, blows, [], 2 * RATE)
    decay = matter.decay(float(one.frequencies[0]))
    early, late = 0.5 / decay, 2.5 / decay
    loud = [np.abs(sound[round(t * RATE) : round((t + 2 / one.frequencies[0]) * RATE)]).max() for t in (early, late)]
    assert np.log(loud[0] / loud[1]) / (late - early) == pytest.approx(decay, rel=0.03)
    half = synth.ring(
        one, matter, [synth.Blow(0.0, np.array([0, 0, 1.0]), made.positions[5], 2e-5)], [], RATE, damping=2
    )
    assert (half**2).sum() == pytest.approx((sound**2).sum() / 2, rel=0.05)


def test_no_mode_is_folded_down():
    plate = modes.Modes(np.array([23000.0, 30000.0]), np.ones((2, 3, 3)), np.eye(3), np.eye(3), 1.0, 1.0)
    assert not synth.ring(plate, MATERIALS["steel"], [synth.Blow(0, np.ones(3), np.zeros(3), 1e-4)], [], 1000).any()


def test_twice_the_blow_is_twice_the_sound_and_both_bodies_sound(folder):
    bake(captured("glass"), cache=folder)  # modes that come from the file are rounded
    one = bake(captured("glass"), cache=folder, layout="mono")
    two = bake(captured("glass", blow(gain=2.0)), cache=folder, layout="mono")
    assert set(one.tracks) == {"plate", "floor"} and all(np.abs(t).max() > 0 for t in one.tracks.values())
    assert two.master == pytest.approx(2 * one.master)
    with pytest.raises(StopIteration):
        next(iter(bake(captured("glass", blow(mute=True)), cache=folder).tracks))


def test_materials_sound_in_their_order(folder):
    """Wood is duller for its length than glass: it dies down ten times as fast; steel rings longest."""
    lasts = {}
    for name in ("steel", "glass", "wood", "cardboard"):
        scene = captured(name, blow(materials=(name, "stone")), seconds=1.5)
        sound = bake(scene, cache=folder, layout="mono").tracks["plate"][0]
        left = np.cumsum(sound[::-1] ** 2)[::-1]
        lasts[name] = np.argmax(left < 1e-3 * left[0])
    assert lasts["steel"] > 0.9 * lasts["glass"] > 2 * lasts["wood"] > 2 * lasts["cardboard"]


def test_levels_do_not_clip_and_are_stated(folder):
    made = bake(captured("steel"), cache=folder)
    tracks, pascal = levelled({**made.tracks, "": made.master})
    assert np.abs(sum(tracks[name] for name in made.tracks)).max() < 1
    assert max(np.abs(track).max() for track in tracks.values()) == pytest.approx(10 ** (-3 / 20)), "3 dB below"
    assert levelled(made.tracks)[1] == pytest.approx(pascal)
    assert tracks[""] * pascal == pytest.approx(made.master, rel=1e-5, abs=1e-6 * pascal)
    assert levelled({"a": np.zeros((2, 10))})[1] == 1.0
    assert levelled({"a": np.full((1, 4), 5.0)}, full_scale=2.0)[1] == 5.0


@pytest.mark.parametrize("angle", [0, 37, 90, 145, -60, -120])
@pytest.mark.parametrize("rise", [-40, 0, 65])
def test_ambix_tells_where_it_came_from(angle, rise):
    a, r = np.deg2rad(angle), np.deg2rad(rise)
    wanted = np.array([np.sin(a) * np.cos(r), np.sin(r), np.cos(a) * np.cos(r)])  # right, up, forward
    place = 3 * wanted @ LOOK[0]
    noise = np.random.default_rng(0).standard_normal(4000)
    heard = space.heard(noise, place[None], np.zeros((1, 3)), LOOK, 24.0, "ambix", RATE)
    found = space.direction(heard)
    assert np.degrees(np.arccos(np.clip(found @ wanted, -1, 1))) < 1
    w, y, z, x = heard
    assert np.sqrt((y**2 + z**2 + x**2).sum()) == pytest.approx(np.sqrt((w**2).sum()), rel=1e-6), "SN3D"


@pytest.mark.parametrize(
    ("place", "wanted"),
    [((-2, 0, 0), (1, 1, 0, 0)), ((0, 2, 0), (1, 0, 1, 0)), ((0, 0, -2), (1, 0, 0, 1)), ((2, 0, 0), (1, -1, 0, 0))],
    ids=["left", "above", "before", "right"],
)
def test_ambix_channels_are_w_y_z_x(place, wanted):
    """ACN order and SN3D gains (Nachbar et al. 2011): Y grows to the left, Z upward, X forward."""
    click = np.zeros(2000)
    click[100] = 1
    made = space.heard(click, np.array([place], float), np.zeros((1, 3)), LOOK, 24.0, "ambix", RATE)
    assert made.sum(1) * 2 == pytest.approx(np.array(wanted, float), abs=1e-6)


def test_distance_delays_and_weakens_and_motion_shifts():
    click = np.zeros(RATE)
    click[100] = 1
    near = space.heard(click, np.array([[0, 0, -3.432]]), np.zeros((1, 3)), LOOK, 24.0, "mono", RATE)[0]
    assert np.argmax(near) == pytest.approx(100 + 0.01 * RATE, abs=1)
    assert near.sum() == pytest.approx(1 / 3.432, rel=1e-3)
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    way = np.stack([np.zeros(25), np.zeros(25), -40 + np.arange(25) / 24 * 20], 1)  # comes at 20 m/s
    came = space.heard(tone, way, np.zeros((1, 3)), LOOK, 24.0, "mono", RATE)[0][12000:36000]
    pitch = np.argmax(np.abs(np.fft.rfft(came * np.hanning(len(came))))) * RATE / len(came)
    assert pitch == pytest.approx(1000 / (1 - 20 / space.SOUND), rel=0.005)


def test_the_ears_hear_apart():
    click = np.zeros(4000)
    click[500] = 1
    left, right = space.heard(click, np.array([[2.0, 0, 0]]), np.zeros((1, 3)), LOOK, 24.0, "binaural", RATE)
    late = (np.argmax(np.abs(left)) - np.argmax(np.abs(right))) / RATE
    assert 0.0005 < late < 0.0009, "0.66 ms for a head of 8.75 cm"
    assert (right**2).sum() > 4 * (left**2).sum()
    middle = space.heard(click, np.array([[0, 0, -2.0]]), np.zeros((1, 3)), LOOK, 24.0, "binaural", RATE)
    assert middle[0] == pytest.approx(middle[1])
    stereo = space.heard(click, np.array([[2.0, 0, 0]]), np.zeros((1, 3)), LOOK, 24.0, "stereo", RATE)
    assert np.abs(stereo[0]).max() < 1e-9 < np.abs(stereo[1]).max()
    with pytest.raises(InputError, match="no layout"):
        space.heard(click, np.zeros((1, 3)), np.zeros((1, 3)), LOOK, 24.0, "quad", RATE)


def test_a_thing_at_rest_is_silent_and_one_that_slides_is_not(folder):
    rest = tuple((t, 10.0, 0.0, 0.09, 1.0, -2.0) for t in np.arange(0.1, 0.5, 0.05))
    slide = tuple((t, 10.0, 0.5, 0.09, 1.0, -2.0) for t in np.arange(0.1, 0.5, 0.05))
    fast = tuple((*row[:2], 2.0, *row[3:]) for row in slide)
    loud = []
    for track in (rest, slide, fast):
        event = blow(kind="scrape", track=track, seconds=0.35)
        sound = bake(captured("glass", event), cache=folder, layout="mono").tracks["plate"][0]
        loud.append(np.sqrt((sound**2).mean()))
    assert loud[0] < 1e-6 * loud[1] and loud[1] < loud[2]


@pytest.mark.parametrize("ground", ["wood", "stone", "gravel", "grass", "snow", "carpet"])
def test_steps_on_every_ground(ground):
    heel = synth.footfall(MATERIALS[ground], MATERIALS[ground].thickness, 0.05, 3.0, True, 1, RATE // 2)
    assert np.isfinite(heel).all() and 0.005 < np.abs(heel).max() < 20
    assert not heel[: round(0.045 * RATE)].any()
    again = synth.footfall(MATERIALS[ground], MATERIALS[ground].thickness, 0.05, 3.0, True, 1, RATE // 2)
    assert (again == heel).all()


def test_loose_grounds_crackle():
    def bright(ground):
        sound = synth.footfall(MATERIALS[ground], MATERIALS[ground].thickness, 0.02, 3.0, True, 1, RATE // 2)
        power, tone = np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(len(sound), 1 / RATE)
        return (power * tone).sum() / power.sum()

    assert bright("gravel") > 3 * bright("wood") and bright("gravel") > bright("snow")


def test_a_foot_that_is_drawn_along_hisses_by_its_speed_and_ground():
    def loud(ground, speed):
        clock = 0.1 + np.arange(50) / 96
        track = np.column_stack([clock, np.full(50, 100.0), np.full(50, speed)])
        sound = synth.shuffle(MATERIALS[ground], MATERIALS[ground].thickness, track, 1, RATE)
        assert np.isfinite(sound).all() and not sound[: round(0.099 * RATE)].any() and not sound[-RATE // 3 :].any()
        return np.sqrt((sound**2).mean())

    for ground in ("wood", "concrete", "carpet"):
        heel = synth.footfall(MATERIALS[ground], MATERIALS[ground].thickness, 0.1, 4.0, True, 1, RATE)
        assert 0 < loud(ground, 0.3) < loud(ground, 1.0) < np.sqrt((heel**2).mean())
    assert loud("concrete", 0.0) == 0.0 and 3 * loud("gravel", 0.3) > loud("gravel", 1.0) > loud("gravel", 0.3)
    assert loud("gravel", 0.5) > 3 * loud("concrete", 0.5)


def test_events_are_kept_whole(tmp_path):
    events = Events((blow(0.2, part="left heel", track=((0.1, 1, 2, 3, 4, 5),)), blow(0.1)), 23.976, 5, 2.0, ("so",))
    events.save(tmp_path / "events.json")
    again = Events.load(tmp_path / "events.json")
    assert [e.time for e in again] == [0.1, 0.2] and again.items[1] == events.items[0]
    assert (again.fps, again.frame_start, again.seconds, again.notes) == (23.976, 5, 2.0, ("so",))
    assert again.frame(again.items[1]) == pytest.approx(5 + 0.2 * 23.976)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"events": [{}]}', '{"events": [{"time": "x"}]}', '{"events": 5}',
     '{"events": [{"time": 1e999, "point": [0,0,0], "impulse": 1, "materials": ["wood", "wood"]}]}',
     '{"events": [{"time": 1, "point": [0,0], "impulse": 1, "materials": ["wood", "wood"]}]}',
     '{"events": [{"time": 1, "point": [0,0,0], "impulse": 1, "materials": ["wood"]}]}',
     '{"events": [{"time": 1, "point": [0,0,0], "impulse": 1, "materials": ["a", "b"], "kind": "boo"}]}'],
)  # fmt: skip
def test_bad_lists_of_events_are_refused(tmp_path, text):
    path = tmp_path / "events.json"
    path.write_text(text)
    with pytest.raises(InputError):
        Events.load(path)
    with pytest.raises(InputError):
        Events.load(tmp_path / "none.json")


def test_captures_are_kept_whole_and_bad_ones_refused(tmp_path, folder):
    scene = captured()
    scene.save(tmp_path / "scene.npz")
    again = Capture.load(tmp_path / "scene.npz")
    assert bake(again, cache=folder).master == pytest.approx(bake(scene, cache=folder).master)
    (tmp_path / "bad.npz").write_bytes((tmp_path / "scene.npz").read_bytes()[:200])
    with pytest.raises(InputError):
        Capture.load(tmp_path / "bad.npz")
    with pytest.raises(InputError, match="no material"):
        bake(captured("cheese"))
    with pytest.raises(InputError, match="damping"):
        bake(scene, damping=0)


# --- finding contacts ----------------------------------------------------------------------------------------------


def bounces(rate, seconds=1.5, damping=0.0):
    """A ball by Bullet's own step, with an impulse wherever it is about to go through the floor."""
    h, z, v = 1 / rate, 1.0, 0.0
    places, blows = [z], []
    for step in range(round(seconds * rate)):
        v = (v - 9.81 * h) * (1 - damping) ** h
        if z + v * h < 0:
            blows.append((step * h, -1.6 * v))
            v = -0.6 * v
        z += v * h
        places.append(z)
    return np.stack([np.zeros(len(places)), np.zeros(len(places)), places], 1), np.array(blows)


@pytest.mark.parametrize("damping", [0.0, 0.04])
def test_the_solvers_own_blows_come_back_exactly(damping):
    places, blows = bounces(240, damping=damping)
    found = detect.hits(detect.velocity_jumps(places, 1 / 240, [0, 0, -9.81], damping), 1 / 240, 9.81)
    count = min(len(found), len(blows))
    assert count >= 2
    assert [jump.time for jump in found][:2] == pytest.approx(blows[:2, 0])
    assert [jump.size for jump in found][:2] == pytest.approx(blows[:2, 1], rel=1e-6)


def test_arcs_find_the_moment_between_frames():
    places, blows = bounces(24 * 100)
    found = detect.arc_hits(places[::100], 24, [0, 0, -9.81])
    assert found and min(abs(found[0].time - blows[0, 0]), 1) < 0.002
    peaks = detect.acceleration_peaks(places[::100], 24, [0, 0, -9.81])
    assert abs(peaks[0].time - blows[0, 0]) > abs(found[0].time - blows[0, 0])


def test_what_comes_down_slowly_has_come_down_at_its_end():
    clock = np.arange(120) / 120
    foot = np.where(
        clock < 0.5, 0.1 * (1 - clock / 0.5) ** 2, 0.0
    )  # ease out: the last 6 mm take an eighth of a second
    near = int(np.argmax(foot < 0.006))
    assert near / 120 < 0.39
    assert detect.settles(foot, near, 120, 0.15, 0.001) / 120 == pytest.approx(0.45, abs=0.005)
    # At once where it stops at once, and no later than it may be.
    assert detect.settles(np.array([0.1, 0.05, 0.0, 0.0]), 2, 120, 0.1, 0.001) == pytest.approx(2, abs=0.03)
    assert detect.settles(1 - clock, 20, 120, 0.1, 0.001) <= 32


def test_matching_takes_each_once():
    match = detect.matched([0.0, 1.0, 2.0], [0.01, 0.02, 1.03, 5.0], 0.04)
    assert (match.recall, match.precision) == (pytest.approx(2 / 3), pytest.approx(0.5))
    assert match.bias == pytest.approx(0.02) and np.isnan(detect.matched([1.0], [], 0.1).median)


def test_a_clips_events_count_from_its_beginning():
    events = Events((blow(0.5, objects=("Ava", "floor"), part="left heel"), blow(3.0)), 24.0, 1, 4.0)
    table = bundle.clip_events(events, -0.25, 2.0, "a.wav", {"left heel": "left_ankle"}, "Ava")
    (event,) = table["events"]
    assert event["time"] == 0.25 and event["joint"] == "left_ankle" and event["sound"] == "a.wav"
