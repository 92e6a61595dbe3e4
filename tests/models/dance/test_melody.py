# SPDX-License-Identifier: GPL-3.0-or-later
"""Dance with Melody: the method's own properties, the dance it delivers, and its training."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from avanim.models.audio.composer import compose
from avanim.models.audio.features import melody_features
from avanim.models.dance import METHODS, generate, melody, suited_style
from avanim.models.dance.melody import (
    JOINTS,
    Config,
    MelodyNet,
    Style,
    dance_positions,
    figure_order,
    load_weights,
    loss,
    scaled_features,
    step_times,
    temporal_indexes,
)
from avanim.models.dance.melody_train import Pair, Song, Trainer, pair
from avanim.models.dance.repertoire import Written, cut_figures, load_clips
from avanim.rigs.beats import Beats
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.fit import fit_positions
from avanim.rigs.motion import Motion
from avanim.rigs.motion_metrics import beat_alignment, bone_length_error, measure
from avanim.rigs.skeleton import SMPLX55, Rest
from avanim.rigs.sound import Sound
from hypothesis import given, settings
from hypothesis import strategies as st

REST = Rest.average()
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def song():
    return compose("pop", 112, 16, 4321, rate=22050, stereo=False)


@pytest.fixture(scope="module")
def weights():
    return load_weights()


@pytest.fixture(scope="module")
def danced(song):
    return generate(song.sound, REST, method="melody", style="pop", seed=5, device="cpu")


def indexes(song, style: Style, frames: int) -> np.ndarray:
    order = figure_order(100, style.figures, np.random.default_rng(0))
    return temporal_indexes(np.arange(frames) / 25, step_times(song.beats, style)[0], style, order)


# --- the method


def test_92_latent_is_exactly_zero_off_the_beat(song, weights):
    features = scaled_features(melody_features(song.sound).astype(float))
    for trained in weights.values():
        temporal = torch.tensor(indexes(song, trained.style, len(features)), dtype=torch.float32)[None]
        code = trained.net.encode(torch.tensor(features, dtype=torch.float32)[None], temporal)
        on_beat = temporal[0, :, 1] == 1
        assert code.shape == (1, len(features), 10)
        assert (code[0, ~on_beat] == 0).all()
        assert (code[0, on_beat].abs().sum(-1) > 0).all()


def test_sound_off_the_beat_reaches_the_dance_through_later_beats_only(weights):
    net = weights["pop"].net
    temporal = torch.zeros(1, 60, 3)
    temporal[0, [10, 40], 1] = 1
    quiet = torch.zeros(1, 60, 16)
    loud = quiet.clone()
    loud[0, 20] = 1.0
    change = (net(loud, temporal)[2] - net(quiet, temporal)[2]).abs().sum(-1)[0]
    assert (change[:40] == 0).all()
    assert change[40:].max() > 0


def test_92_removing_temporal_indexes_worsens_beat_alignment(song, weights):
    trained = weights["pop"]
    features = scaled_features(melody_features(song.sound).astype(float))
    temporal = indexes(song, trained.style, len(features))
    still = np.zeros((len(features), 10))

    def alignment(indexes_used: np.ndarray) -> float:
        positions = dance_positions(trained, features, indexes_used, still, CPU)
        motion = fit_positions(positions, JOINTS, REST, 25.0)
        return beat_alignment(REST.forward(motion.poses, motion.trans)[0], 25.0, song.beats.times)["per_music_beat"]

    assert alignment(temporal) > 1.3 * alignment(np.zeros_like(temporal))


def test_92_reconstruction_loss_floor_is_active():
    torch.manual_seed(0)
    net = MelodyNet(Config(width=8))
    acoustic, temporal, motion = torch.randn(2, 30, 16), torch.rand(2, 30, 3).round(), torch.randn(2, 30, 63)
    total, reconstruct, moved = loss(net, acoustic, temporal, motion)
    assert total.item() == pytest.approx(reconstruct.item() + moved.item())
    total.backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in net.decoder.parameters())

    net.zero_grad()
    torch.nn.init.zeros_(net.to_acoustic.weight)
    torch.nn.init.constant_(net.to_acoustic.bias, 0.1)
    total, reconstruct, moved = loss(net, torch.zeros(2, 30, 16), temporal, motion)
    assert reconstruct.item() == pytest.approx(0.01)
    assert total.item() == pytest.approx(0.045 + moved.item())
    total.backward()
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in net.decoder.parameters())
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in net.predictor.parameters())


@settings(max_examples=40, deadline=None)
@given(bpm=st.floats(60, 190), first=st.floats(0.01, 2), figures=st.integers(1, 6), seed=st.integers(0, 99))
def test_temporal_indexes(bpm, first, figures, seed):
    style = Style("any", Config(), 8, figures, (10, 1000))
    steps = first + np.arange(60) * 60 / bpm
    times = np.arange(500) / 25
    order = figure_order(60, figures, np.random.default_rng(seed))
    temporal = temporal_indexes(times, steps, style, order)
    assert set(np.unique(temporal[:, 1])) <= {0.0, 1.0}
    assert temporal[:, 1].sum() == pytest.approx(times[-1] * bpm / 60, abs=1.1)
    assert temporal[:, [0, 2]].min() >= -1 and temporal[:, [0, 2]].max() <= 1
    # Within a figure the first column counts frames at a constant rate; the third starts over on every beat.
    assert np.median(np.diff(temporal[:, 0])) == pytest.approx(2 * bpm / 60 / 25 / style.round, rel=1e-6)
    assert (np.diff(temporal[:, 2]) < 0).sum() == pytest.approx(temporal[:, 1].sum(), abs=2)


@given(count=st.integers(1, 40), figures=st.integers(2, 6), seed=st.integers(0, 999))
def test_figures_come_all_in_turn_and_never_twice_in_a_row(count, figures, seed):
    order = figure_order(count, figures, np.random.default_rng(seed))
    assert len(order) == count
    assert (order[1:] != order[:-1]).all()
    for start in range(0, count - figures + 1, figures):
        assert sorted(order[start : start + figures]) == list(range(figures))


@pytest.mark.parametrize(("bpm", "share"), [(40, 2.0), (60, 2.0), (100, 1.0), (150, 1.0), (170, 0.5), (290, 0.5)])
def test_steps_keep_to_the_styles_tempo_and_begin_on_a_downbeat(bpm, share):
    style = Style("any", Config(), 8, 4, (75.0, 150.0))
    beats = Beats(0.7 + np.arange(40) * 60 / bpm, (np.arange(40) - 3) % 4, bpm, 4)
    steps, steps_per_beat = step_times(beats, style)
    assert steps_per_beat == share
    assert steps[0] == beats.times[3]
    assert np.diff(steps) == pytest.approx(60 / bpm / share)


# --- the dance


def test_same_seed_same_result(song, danced):
    again = generate(song.sound, REST, method="melody", style="pop", seed=5, device="cpu")
    assert np.array_equal(again.motion.poses, danced.motion.poses)
    assert np.array_equal(again.motion.trans, danced.motion.trans)
    assert again.settings == danced.settings


def test_different_seed_differs(song, danced):
    other = generate(song.sound, REST, method="melody", style="pop", seed=6, device="cpu")
    places = [REST.forward(one.motion.poses, one.motion.trans)[0] for one in (danced, other)]
    assert np.linalg.norm(places[0] - places[1], axis=-1).mean() > 0.05


def test_limb_lengths_are_kept(song, danced, weights):
    assert bone_length_error(REST.forward(danced.motion.poses, danced.motion.trans)[0], REST) < 1e-6
    # The network's own joints keep theirs too, so that fitting a body changes little.
    trained = weights["pop"]
    features = scaled_features(melody_features(song.sound).astype(float))
    positions = dance_positions(
        trained, features, indexes(song, trained.style, len(features)), np.zeros((len(features), 10)), CPU
    )
    motion = fit_positions(positions, JOINTS, REST, 25.0)
    columns = [REST.skeleton.index(name) for name in JOINTS]
    miss = np.linalg.norm(REST.forward(motion.poses, motion.trans)[0][:, columns] - positions, axis=-1)
    assert miss.mean() < 0.02


def test_feet_knees_and_beat(danced):
    measured = measure(danced.motion, REST, danced.beats.times)
    assert measured["contact_speed_median"] <= 0.05
    assert measured["penetration_p99"] <= 0.01
    assert measured["fsr"] <= 0.06
    assert measured["pfc"] <= 0.6
    assert measured["hyperextension"] == {"knee": 0.0, "elbow": 0.0}
    alignment = measured["beat_alignment"]
    assert alignment["per_music_beat"] >= 1.3 * alignment["per_music_beat_shifted"]


def test_it_moves_as_much_as_the_figures_it_learned(danced):
    joints = REST.forward(danced.motion.poses, danced.motion.trans)[0]
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean() * danced.motion.fps
    moves = Written([["step_touch", "hip_sway", "groove", "arm_wave", "disco_point", "two_step"]], (75, 150))
    count = np.arange(48 * 30) / 30
    figures = moves.dance(np.zeros(6, np.int64), np.arange(6), count)
    assert speed >= 0.7 * np.linalg.norm(np.diff(figures, axis=0), axis=-1).mean() * 30 * 112 / 60


@pytest.mark.parametrize("style", METHODS["melody"].styles)
def test_it_stays_on_the_stage_for_minutes(style, weights):
    trained = weights[style]
    frames = 25 * 180
    beats = Beats(np.arange(300) * 0.6, np.arange(300) % 4, 100.0, 4)
    order = figure_order(100, trained.style.figures, np.random.default_rng(1))
    temporal = temporal_indexes(np.arange(frames) / 25, step_times(beats, trained.style)[0], trained.style, order)
    features = np.random.default_rng(2).normal(0, 0.4, (frames, 16))
    positions = dance_positions(trained, features, temporal, np.zeros((frames, 10)), CPU)
    hips = positions[:, :2].mean(axis=1)[:, [0, 2]]
    assert np.linalg.norm(hips - hips[0], axis=1).max() < 2.0
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1).mean(axis=1)
    thirds = [part.mean() for part in np.array_split(speed, 3)]
    assert min(thirds) > 0.8 * max(thirds)  # it neither freezes nor runs away


@pytest.mark.parametrize("fps", [24.0, 60.0])
def test_as_many_frames_as_the_music_has(song, fps):
    result = generate(song.sound, REST, method="melody", fps=fps, seed=1, device="cpu")
    assert result.motion.fps == fps
    assert len(result.motion) == round(song.sound.seconds * fps)
    assert result.settings["style"] == "pop"


def test_another_skeleton(song):
    joints = np.zeros((55, 3))
    joints[:22] = REST.joints[:22]
    joints[22:] = joints[np.array(SMPLX55.parents)[22:].clip(0, 21)] + [0.0, 0.02, 0.02]
    result = generate(song.sound, Rest(SMPLX55, joints, REST.floor), method="melody", seed=1, device="cpu")
    assert result.motion.skeleton == "smplx55"
    assert measure(result.motion, Rest(SMPLX55, joints, REST.floor))["penetration_p99"] <= 0.01


def test_given_beats_are_kept(song):
    known = {"bpm": 112.0, "metre": 4, "offset": float(song.beats.times[0])}
    result = generate(song.sound, REST, method="melody", seed=1, device="cpu", **known)
    assert result.beats.times[:8] == pytest.approx(song.beats.times[:8], abs=1e-6)


def test_music_without_a_beat_is_danced_on_a_grid():
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 22050 * 6)).astype(np.float32)
    result = generate(Sound(noise, 22050), REST, method="melody", style="salsa", device="cpu")
    assert np.isfinite(result.motion.poses).all()
    assert len(result.motion) == 180


def test_the_shortest_music():
    tone = np.sin(np.arange(44100) / 22050 * 2 * np.pi * 220)[None].astype(np.float32)
    assert len(generate(Sound(tone, 22050), REST, method="melody", device="cpu").motion) == 60


def test_auto_style_goes_by_tempo_and_metre():
    def beats(bpm: float, metre: int) -> Beats:
        return Beats(np.arange(8) * 60 / bpm, np.arange(8) % metre, bpm, metre)

    styles = METHODS["melody"].styles
    assert [suited_style(beats(*music), styles) for music in ((120, 4), (180, 4), (90, 3), (250, 4))] == [
        "pop",
        "salsa",
        "waltz",
        "pop",
    ]


# --- wrong input


@pytest.mark.parametrize(
    ("options", "seconds", "loudness", "said"),
    [
        ({}, 5.0, 0.0, "silent"),
        ({}, 1.9, 0.5, "at least 2 s"),
        ({}, 0.0, 0.5, "at least 2 s"),
        ({"method": "tango"}, 5.0, 0.5, "melody"),
        ({"method": "melody", "style": "polka"}, 5.0, 0.5, "pop, salsa"),
        ({"fps": 0.0}, 5.0, 0.5, "frame rate"),
        ({"fps": float("nan")}, 5.0, 0.5, "frame rate"),
        ({"device": "abacus"}, 5.0, 0.5, "abacus"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(options, seconds, loudness, said):
    samples = np.full((1, int(seconds * 8000)), loudness, np.float32)
    with pytest.raises(InputError, match=said) as caught:
        generate(Sound(samples, 8000), REST, **options)
    assert str(caught.value).count(". ") == 0


def test_cancelling(song):
    def cancel(fraction: float, step: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        generate(song.sound, REST, method="melody", device="cpu", progress=cancel)


def test_progress_rises_to_one(song):
    seen: list[float] = []
    generate(song.sound, REST, method="melody", device="cpu", progress=lambda fraction, step: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_full_gpu_falls_back_to_the_cpu_and_says_so(song, danced, monkeypatch):
    whole = melody.dance_positions
    calls = []

    def full_at_first(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(*arguments)

    monkeypatch.setattr(melody, "dance_positions", full_at_first)
    with pytest.warns(RuntimeWarning, match="CPU instead"):
        result = generate(song.sound, REST, method="melody", style="pop", seed=5, device="cpu")
    assert np.array_equal(result.motion.poses, danced.motion.poses)


def test_listing_the_methods_needs_no_torch():
    program = "import sys, avanim.models.dance as d; print(sorted(d.METHODS), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{sorted(METHODS)} False"


def test_broken_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(InputError, match="Cannot read the weights"):
        load_weights(path)


# --- training


def toy_pairs() -> list[Pair]:
    moves = Written([["step_touch", "two_step"]], (75.0, 150.0))
    style = Style("toy", Config(width=16), moves.figure, moves.figures, moves.tempo)
    rng = np.random.default_rng(0)
    songs = [
        Song(rng.normal(0, 0.4, (400, 16)), Beats(np.arange(40) * 60 / bpm, np.arange(40) % 4, bpm, 4))
        for bpm in (100.0, 124.0)
    ]
    return [pair(song, style, moves, rng, 0.0) for song in songs]


def test_a_toy_training_run_learns_and_resumes(tmp_path):
    pairs, config = toy_pairs(), Config(width=16)
    whole = Trainer(pairs, config, 60, batch=8)
    errors = [whole.step()[1] for _ in range(60)]
    assert np.mean(errors[-10:]) < 0.8 * np.mean(errors[:5])

    stopped = Trainer(pairs, config, 60, batch=8)
    for _ in range(25):
        stopped.step()
    stopped.save(tmp_path / "run.pt")
    resumed = Trainer(pairs, config, 60, batch=8, seed=0)
    assert resumed.resume(tmp_path / "run.pt")
    assert resumed.done == 25
    for _ in range(35):
        resumed.step()
    for left, right in zip(whole.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(left, right)
    assert not Trainer(pairs, config, 70, batch=8).resume(tmp_path / "run.pt")


def test_weights_survive_their_file(tmp_path, weights):
    melody.save_weights(list(weights.values()), tmp_path / "copy.safetensors")
    again = load_weights(tmp_path / "copy.safetensors")
    assert list(again) == list(weights)
    for name, trained in weights.items():
        assert again[name].style == trained.style
        for key, value in trained.net.state_dict().items():
            assert torch.equal(value, again[name].net.state_dict()[key])


def test_figures_are_cut_from_recordings(shared_data, tmp_path):
    clips = load_clips(shared_data / "dance", "salsa")
    assert len(clips) == 28
    one = cut_figures(clips[15:24], (2.7, 3.2), 1, 3)
    count = np.arange(24 * 40) / 40
    joints = one.dance(np.zeros(3, np.int64), np.array([0, 2, 1]), count)
    feet = joints[:, [JOINTS.index("left_foot"), JOINTS.index("right_foot")]]
    assert 0.0 < feet[..., 1].min() < 0.06
    # They keep the beat, and any may follow any other without a leap.
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(axis=1)
    phase = count[:-1] % 1
    near = np.minimum(phase, 1 - phase) < 0.12
    assert speed[near].mean() < 0.7 * speed[~near].mean()
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.12

    Motion(np.zeros((90, 24, 3)), np.tile([0.0, 1.2, 0.0], (90, 1)), 60.0).save(tmp_path / "salsa_mine.npz")
    (alone,) = load_clips(tmp_path, "salsa")
    assert alone.name == "salsa_mine" and len(alone.positions) == 45
    with pytest.raises(InputError, match="too short"):
        cut_figures([alone], (2.7, 3.2), 1, 3)
    with pytest.raises(InputError, match="no recordings named indian"):
        load_clips(tmp_path, "indian")
