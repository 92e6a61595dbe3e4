# SPDX-License-Identifier: GPL-3.0-or-later
"""The choreographer: it dances to the music, and grants each of the animator's wishes."""

from __future__ import annotations

import numpy as np
import pytest
from avanim.models.audio.composer import compose
from avanim.models.audio.formant import demo_sentence
from avanim.models.dance import METHODS, generate
from avanim.models.dance.choreographer.dancers import CLEAR, nearest
from avanim.models.dance.diffusion import Sampler
from avanim.rigs.beats import Beats
from avanim.rigs.errors import InputError
from avanim.rigs.feet import contacts
from avanim.rigs.motion import Motion
from avanim.rigs.motion_edit import heading
from avanim.rigs.motion_metrics import beat_alignment, measure, penetration
from avanim.rigs.moves import MOVES, STYLES
from avanim.rigs.skeleton import SMPLX55, Rest
from avanim.rigs.sound import Sound

REST = Rest.average()
PARTS = [("verse", 4), ("chorus", 4), ("verse", 4), ("chorus", 4)]


@pytest.fixture(scope="module")
def song():
    return compose("pop", 112, 16, 4321, PARTS, rate=22050, stereo=False)


@pytest.fixture(scope="module")
def dance(song):
    """Dances to the song with the wishes that are given."""
    made = {}

    def danced(seed: int = 3, style: str = "pop", **controls):
        key = (seed, style, repr(controls))
        if key not in made:
            made[key] = generate(song.sound, REST, style=style, seed=seed, beats=song.beats, controls=controls)
        return made[key]

    return danced


def bar_frames(song, first: int, last: int, fps: float = 30.0) -> slice:
    edges = song.beats.times[song.beats.positions == 0]
    return slice(round(edges[first - 1] * fps), round(edges[last] * fps))


def size(motion: Motion) -> float:
    """How much the joints move within the body, m."""
    positions, _ = REST.forward(motion.poses, motion.trans * 0)
    return float(positions.std(axis=0).mean())


def speed(motion: Motion) -> float:
    return float(np.abs(np.diff(REST.forward(motion.poses, motion.trans)[0], axis=0)).mean() * motion.fps)


def moves(dance) -> list[str]:
    return [one["move"] for one in dance.settings["plan"]]


# --- it dances


@pytest.mark.parametrize("style", METHODS["choreographer"].styles)
def test_every_style_dances_on_the_beat_with_its_feet_on_the_floor(style):
    kind = {"waltz": ("waltz", 150), "salsa": ("salsa", 180), "chacha": ("chacha", 120)}.get(style, ("pop", 116))
    song = compose(*kind, 10, 5, rate=22050, stereo=False)
    made = generate(song.sound, REST, style=style, seed=2, beats=song.beats)
    values = measure(made.motion, REST, song.beats.times)
    assert len(made.motion) == round(song.sound.seconds * 30)
    feet = contacts(made.motion, REST).reshape(-1, 2, 2).any(axis=2)
    landings = np.flatnonzero((feet[1:] & ~feet[:-1]).any(axis=1)) + 1
    halves = 2 * np.interp(landings / 30, song.beats.times, np.arange(len(song.beats.times)))
    assert style == "subtle" or abs(np.exp(2j * np.pi * halves).mean()) > 0.4
    # At 60 fps: the score smooths over frames, which at 30 would blur beats of a third of a second.
    fine = made.motion.resampled(60)
    aligned = beat_alignment(REST.forward(fine.poses, fine.trans)[0], 60, song.beats.times)
    assert aligned["per_music_beat"] > aligned["per_music_beat_shifted"]
    assert values["fsr"] < 0.12 and values["contact_speed_median"] < 0.05 and values["pfc"] < 0.6
    assert penetration(made.motion, REST).max() < 0.01
    assert len(set(moves(made))) >= 3
    assert style == "mix" or all(style in MOVES[name].styles for name in moves(made))


def test_the_default_method_is_the_choreographer(song):
    assert generate(song.sound, REST, beats=song.beats).settings["method"] == "choreographer"


def test_seeds(dance, song):
    again = generate(song.sound, REST, style="pop", seed=3, beats=song.beats)
    assert np.array_equal(dance().motion.poses, again.motion.poses)
    assert moves(dance(seed=4)) != moves(dance())


def test_a_section_that_returns_is_danced_alike_and_phrases_begin_on_downbeats(dance):
    plan, sections = dance().settings["plan"], dance().settings["sections"]
    assert [one["label"] for one in sections][:4] == ["A", "B", "A", "B"]
    phrases = [[one["move"] for one in plan if first <= one["bar"] < first + 4] for first in (1, 5, 9, 13)]
    assert phrases[0] == phrases[2] and phrases[1] == phrases[3] and phrases[0] != phrases[1]
    assert all(float(one["bar"]).is_integer() for one in plan if one["bar"] in (1, 5, 9, 13))


def test_a_preview_of_the_whole_dance_comes_first(song):
    seen = []
    made = generate(song.sound, REST, seed=1, beats=song.beats, preview=seen.append)
    assert len(seen) == 1 and len(seen[0]) == len(made.motion)


def test_another_skeleton(song):
    average = Rest.average()
    joints = np.zeros((55, 3))
    joints[:22] = average.joints[:22]
    for index, parent in enumerate(SMPLX55.parents):
        if index >= 22:
            joints[index] = joints[parent] + [0.01, 0, 0]
    made = generate(song.sound, Rest(SMPLX55, joints, average.floor), seed=1, beats=song.beats)
    assert made.motion.skeleton == "smplx55"


def test_styles_follow_the_music_where_none_is_chosen():
    for kind, bpm, style in (("waltz", 160, "waltz"), ("hiphop", 90, "hiphop"), ("salsa", 184, "salsa")):
        song = compose(kind, bpm, 8, 1, rate=22050, stereo=False)
        assert generate(song.sound, REST, beats=song.beats).settings["style"] == style


# --- the controls


def test_mix(dance):
    made = dance(style="mix", mix="charleston:3, hiphop:1")
    assert all({"charleston", "hiphop"} & set(MOVES[name].styles) for name in moves(made))
    only = dance(style="mix", mix="charleston")
    assert all("charleston" in MOVES[name].styles for name in moves(only))


def test_energy(dance):
    assert speed(dance(energy=0.2).motion) < 0.85 * speed(dance().motion) < 0.85 * speed(dance(energy=1.8).motion) * 1.1


def test_amplitude(dance):
    assert size(dance(amplitude=0.5).motion) < 0.85 * size(dance(amplitude=1.4).motion)


def test_travel(dance):
    def area(travel):
        path = dance(travel=travel).motion.trans[:, [0, 2]]
        return float(np.ptp(path, axis=0).max())

    assert area(0.0) < 0.9 and area(0.0) < area(1.0)


@pytest.mark.parametrize("region", ["1.2x1", "3x0.8"])
def test_region(dance, region):
    width, depth = (float(number) for number in region.split("x"))
    path = dance(travel=1.0, region=region).motion.trans[:, [0, 2]]
    assert (np.abs(path) <= np.array([width, depth]) / 2 + 0.1).all()


def test_mirror(dance):
    made, other = dance(travel=0.0).settings["plan"], dance(travel=0.0, mirror=True).settings["plan"]
    assert [one["move"] for one in made] == [one["move"] for one in other]
    assert np.mean([one["mirrored"] != two["mirrored"] for one, two in zip(made, other, strict=True)]) > 0.8


def test_pace(dance):
    made = [dance(pace=pace) for pace in ("half", "normal", "double")]
    half, normal, double = (one.settings for one in made)
    assert (half["beats_per_beat"], normal["beats_per_beat"], double["beats_per_beat"]) == (0.5, 1.0, 2.0)
    beats = [sum(MOVES[name].beats for name in moves(one)) for one in made]
    assert beats[0] < 0.8 * beats[1] < 0.64 * beats[2]


def test_beat_offset(dance, song):
    late = dance(beat_offset=0.5).motion
    values = measure(late, REST, song.beats.times)["beat_alignment"]
    assert values["per_music_beat_shifted"] > values["per_music_beat"]


def test_pins_are_passed_exactly_and_smoothly(dance):
    free = dance().motion
    poses = np.zeros((24, 3))
    poses[16], poses[17] = (0, 0, 1.2), (0, 0, -1.2)
    pins = [
        {"frame": 150, "poses": poses.tolist(), "trans": [0.3, float(free.trans[150, 1]), 0.2]},
        {"time": 12.0, "poses": (poses * -0.5).tolist(), "trans": [-0.2, float(free.trans[360, 1]), 0.1]},
    ]
    made = dance(pins=pins).motion
    for pin, frame in zip(pins, (150, 360), strict=True):
        assert np.array_equal(made.poses[frame], np.array(pin["poses"]))
        assert np.array_equal(made.trans[frame], np.array(pin["trans"]))
    joints = REST.forward(made.poses, made.trans)[0]
    jump = np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).max()
    usual = np.linalg.norm(np.diff(REST.forward(free.poses, free.trans)[0], 2, axis=0), axis=-1).max()
    assert jump < 2.0 * usual
    assert np.allclose(made.poses[600:], free.poses[600:], atol=1e-6)


def test_track_this_move_at_that_bar(dance):
    plan = dance(track="3: grapevine").settings["plan"]
    assert [one["move"] for one in plan if one["bar"] == 3.0] == ["grapevine"]
    plan = dance(track="5-8: step_touch, two_step").settings["plan"]
    assert {one["move"] for one in plan if 5 <= one["bar"] < 9} == {"step_touch", "two_step"}


def test_track_json_and_remarks(dance):
    lines = "# the beginning\n3: grapevine  # here"
    assert moves(dance(track=lines)) == moves(dance(track='[{"where": "3", "what": "grapevine"}]'))


def test_track_idle(dance, song):
    made = dance(track="5-8: idle")
    assert not [one for one in made.settings["plan"] if 5 <= one["bar"] < 9]
    still, dancing = bar_frames(song, 6, 8), bar_frames(song, 2, 4)
    poses = made.motion.poses
    assert np.abs(np.diff(poses[still], axis=0)).mean() < 0.4 * np.abs(np.diff(poses[dancing], axis=0)).mean()


def test_track_forbids(dance):
    first = moves(dance())[0]
    assert first not in moves(dance(track=f"forbid {first}"))
    plan = dance(track="B: no turns").settings
    label = {one["label"]: one for one in plan["sections"]}
    assert label["B"]
    bars = [bar for start in (5, 13) for bar in range(start, start + 4)]
    assert not [one for one in plan["plan"] if int(one["bar"]) in bars and MOVES[one["move"]].turns]
    assert not any(MOVES[name].turns for name in moves(dance(track="forbid turns", seed=8)))


def test_track_style_and_energy_of_a_section(dance, song):
    made = dance(track="5-8: style hiphop")
    assert all("hiphop" in MOVES[one["move"]].styles for one in made.settings["plan"] if 5 <= one["bar"] < 9)
    calm = dance(track="9-12: energy 0").motion
    there = bar_frames(song, 9, 12)
    assert (
        np.abs(np.diff(calm.poses[there], axis=0)).mean() < np.abs(np.diff(dance().motion.poses[there], axis=0)).mean()
    )


def test_some_bars_anew_and_the_others_bit_for_bit(dance, song, tmp_path):
    old = dance().motion
    old.save(tmp_path / "old.npz")
    made = dance(seed=9, keep=str(tmp_path / "old.npz"), bars="5-8").motion
    there = bar_frames(song, 5, 8)
    same = np.array([np.array_equal(a, b) for a, b in zip(old.poses, made.poses, strict=True)])
    same &= (old.trans == made.trans).all(axis=1)
    assert same[: there.start].all() and same[there.stop :].all()
    assert not same[there.start + 5 : there.stop - 5].any()
    steps = np.linalg.norm(np.diff(REST.forward(made.poses, made.trans)[0], axis=0), axis=-1).max(axis=1)
    assert steps[[there.start - 1, there.start, there.stop - 2, there.stop - 1]].max() < 1.2 * np.percentile(
        steps, 99.5
    )


def test_upper_body_from_here_and_legs_from_there(dance, tmp_path):
    other = dance(seed=7).motion
    other.save(tmp_path / "other.npz")
    legs = [other.rig.index(f"{side}_{name}") for side in ("left", "right") for name in ("hip", "knee", "ankle")]
    arms = [other.rig.index(f"{side}_{name}") for side in ("left", "right") for name in ("shoulder", "elbow")]
    mine = dance().motion
    made = dance(upper=str(tmp_path / "other.npz")).motion
    assert np.allclose(made.poses[:, legs], mine.poses[:, legs]) and np.allclose(made.trans, mine.trans)
    assert np.allclose(made.poses[:, arms], other.poses[:, arms], atol=1e-5)
    made = dance(lower=str(tmp_path / "other.npz")).motion
    assert np.allclose(made.poses[:, legs], other.poses[:, legs], atol=1e-5)
    assert np.allclose(made.poses[:, arms], mine.poses[:, arms])


def test_it_continues_from_the_current_pose(dance, tmp_path):
    before = dance(seed=7).motion.slice(0, 10.37)
    moved = Motion(before.poses, before.trans + np.array([2.0, 0, -1.0]), 30.0)
    moved.save(tmp_path / "before.npz")
    made = dance(continue_from=str(tmp_path / "before.npz")).motion
    assert np.allclose(made.poses[0], moved.poses[-1], atol=1e-5)
    assert np.allclose(made.trans[0], moved.trans[-1], atol=1e-5)
    assert np.linalg.norm(np.diff(made.trans[:60], axis=0), axis=1).max() < 0.08


def test_loops_close(dance, song):
    made = dance(loop=4)
    motion = made.motion
    bars = song.beats.times[song.beats.positions == 0]
    assert abs(motion.seconds - 1 / 30 - (bars[4] - bars[0])) <= 1 / 30
    assert np.array_equal(motion.poses[0], motion.poses[-1]) and np.array_equal(motion.trans[0], motion.trans[-1])
    joints = REST.forward(motion.poses, motion.trans)[0]
    into, out = joints[-1] - joints[-2], joints[1] - joints[0]
    usual = np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1)
    assert np.linalg.norm(out - into, axis=-1).max() <= np.percentile(usual.max(axis=1), 95)
    duo = dance(loop=4, dancers=2, formation="canon", canon=4)
    late = round(4 * 60 / 112 * 30)
    assert np.array_equal(duo.others[0].poses[late:], duo.motion.poses[: len(motion) - late])
    assert made.start == pytest.approx(bars[0], abs=1 / 30) and made.beats.times[0] == pytest.approx(0, abs=1 / 30)


@pytest.mark.parametrize("formation", ["unison", "canon", "mirrored", "own"])
def test_groups_keep_clear_of_each_other(dance, formation):
    made = dance(dancers=4, formation=formation, canon=2, spacing=1.2, travel=0.6)
    group = [made.motion, *made.others]
    assert len(group) == 4 and nearest(group, REST) >= CLEAR
    second = group[1]
    if formation == "unison":
        assert np.array_equal(second.poses, group[0].poses)
    if formation == "canon":
        later = round(2 * 60 / 112 * 30)
        window = slice(150, 500)
        assert np.abs(second.poses[window] - group[0].poses[150 - later : 500 - later]).mean() < 0.05
    if formation == "mirrored":
        assert np.allclose(heading(second), -heading(group[0]), atol=1e-6)
    if formation == "own":
        assert not np.allclose(second.poses, group[0].poses, atol=0.1)


# --- bad input


def song_of(samples: np.ndarray) -> Sound:
    return Sound(samples.astype(np.float32)[None], 22050)


def is_sane(motion: Motion, seconds: float) -> None:
    assert len(motion) == round(seconds * 30)
    assert np.isfinite(motion.poses).all() and penetration(motion, REST).max() < 0.02
    assert contacts(motion, REST).any(axis=1).mean() > 0.5


def test_three_seconds_of_music(song):
    made = generate(song.sound.within(4.0, 3.0), REST, seed=1)
    is_sane(made.motion, 3.0)


def test_rubato():
    song = compose("pop", 100, 10, 3, rate=22050, stereo=False, drift=0.3)
    made = generate(song.sound, REST, style="pop", seed=1, beats=song.beats)
    is_sane(made.motion, song.sound.seconds)
    values = measure(made.motion, REST, song.beats.times)["beat_alignment"]
    assert values["per_music_beat"] > 1.3 * values["per_music_beat_shifted"]
    is_sane(generate(song.sound, REST, seed=1).motion, song.sound.seconds)


def test_300_beats_a_minute_are_danced_in_half_time():
    song = compose("house", 300, 24, 3, rate=22050, stereo=False)
    made = generate(song.sound, REST, style="pop", seed=1, beats=song.beats)
    assert made.settings["beats_per_beat"] <= 0.5
    is_sane(made.motion, song.sound.seconds)


def test_the_dancer_rests_in_a_silence(song):
    samples = song.sound.mono()
    hole = np.concatenate([samples[: 10 * 22050], np.zeros(10 * 22050), samples[10 * 22050 : 20 * 22050]])
    made = generate(song_of(hole), REST, style="pop", seed=1)
    assert [one["name"] for one in made.settings["sections"]].count("silence") == 1
    still, before = made.motion.poses[360:570], made.motion.poses[30:300]
    assert np.abs(np.diff(still, axis=0)).mean() < 0.4 * np.abs(np.diff(before, axis=0)).mean()
    is_sane(made.motion, 30.0)


def test_speech():
    speech = demo_sentence(22050).sound
    made = generate(speech, REST, seed=1)
    is_sane(made.motion, speech.seconds)


def test_fewer_than_two_beats(song):
    made = generate(song.sound, REST, seed=1, beats=Beats(np.array([0.5]), np.array([0]), 112.0, 4))
    is_sane(made.motion, song.sound.seconds)


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"mix": "polka:1"}, "pop:2"),
        ({"region": "3"}, "3x2"),
        ({"region": "0.1x0.1"}, "0.5"),
        ({"bars": "8-5", "keep": "a.npz"}, "5-8"),
        ({"bars": "5-8"}, "keep"),
        ({"keep": "nowhere.npz", "bars": "2"}, "nowhere"),
        ({"pins": [{"frame": 3}]}, "poses"),
        ({"pins": [{"time": 999.0, "poses": [[0, 0, 0]] * 24, "trans": [0, 0, 0]}]}, "after the end"),
        ({"track": "9: grapevin"}, "grapevine"),
        ({"track": "99: grapevine"}, "bars"),
        ({"track": "vers: no turns"}, "verse"),
        ({"track": "bridge: no turns"}, "verse"),
        ({"track": "grapevine"}, "where"),
        ({"track": "forbid"}, "names no move"),
        ({"track": "3: grapevine; 3: step_touch"}, "over another"),
        ({"track": "[1, 2]"}, "list"),
        ({"pace": "triple"}, "half"),
        ({"formation": "ring", "dancers": 2}, "canon"),
        ({"loop": 60}, "longer than the music"),
        ({"loop": 2, "continue_from": "a.npz"}, "loop"),
        ({"dancers": 3, "keep": "a.npz", "bars": "2"}, "one dancer"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_one_sentence(song, controls, said):
    with pytest.raises(InputError, match=said) as caught:
        generate(song.sound, REST, style="pop", beats=song.beats, controls=controls)
    assert str(caught.value).count(". ") == 0


def test_other_methods_have_no_such_controls(song):
    with pytest.raises(InputError, match="energy"):
        generate(song.sound, REST, method="melody", controls={"energy": 1.0})


def test_every_style_has_moves():
    assert all(any(style in move.styles for move in MOVES.values()) for style in STYLES)


def test_variation(dance):
    if not Sampler.available():
        with pytest.raises(InputError, match="variation to 0"):
            dance(variation=0.5)
        return
    plain, free = dance().motion, dance(variation=0.6).motion
    apart = np.abs(free.poses - plain.poses).mean()
    assert 0.01 < apart < 0.15 and penetration(free, REST).max() < 0.01
    assert np.abs(free.trans - plain.trans).max() < 0.3
    # Made once more, since the wishes are written otherwise.
    assert np.array_equal(free.poses, dance(variation=0.6, energy=1.0).motion.poses)
