# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion model: its frames, what it promises of every filling, and that it learns."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from avanim.models.dance.beat_frames import (
    PER_BEAT,
    ROOT,
    ROTATIONS,
    TURN,
    WIDTH,
    at_times,
    columns,
    decode,
    encode,
    headings,
    in_beats,
    in_seconds,
    mirrored,
    root_path,
)
from avanim.models.dance.diffusion import Sampler, Trained, load_weights, save_weights, windows
from avanim.models.dance.diffusion_batches import Batches
from avanim.models.dance.diffusion_data import Take, load, random_moves, save, standing, written
from avanim.models.dance.diffusion_losses import Body, losses, travelled
from avanim.models.dance.diffusion_net import Config, Denoiser, bridge, signal
from avanim.models.dance.diffusion_train import Trainer
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.feet import sole_points
from avanim.rigs.motion import Motion
from avanim.rigs.moves import STYLES
from avanim.rigs.skeleton import Rest
from hypothesis import given, settings
from hypothesis import strategies as st

REST = Rest.average()
TINY = Config(width=32, layers=1, heads=2, inner=32, window=48)


@pytest.fixture(scope="module")
def dance() -> tuple[Take, Motion]:
    names = ["step_touch", "grapevine", "two_step", "rolling_turn"] * 4
    return written(names, 120.0, ("pop",), np.random.default_rng(3))


@pytest.fixture(scope="module")
def sampler(dance) -> Sampler:
    """A network that has learned nothing: what it promises must hold all the same."""
    torch.manual_seed(0)
    net = Denoiser(TINY).eval()
    torch.nn.init.normal_(net.leave.weight, std=0.02)
    frames = dance[0].frames.astype(float)
    return Sampler(
        Trained(net, frames.mean(axis=0), np.maximum(frames.std(axis=0), 0.05), np.linspace(0, 1, 11)),
        torch.device("cpu"),
    )


def joints(motion: Motion, rest: Rest = REST) -> np.ndarray:
    return rest.forward(motion.poses, motion.trans)[0]


def start(motion: Motion, rest: Rest = REST) -> tuple[float, float, float]:
    root = motion.trans[0] + rest.joints[0]
    return float(root[0]), float(root[2]), float(headings(motion.poses)[0])


# --- frames -----------------------------------------------------------------------------------------------------------


def test_a_minute_encoded_and_decoded_drifts_by_less_than_a_millimetre(dance):
    _, motion = dance
    assert motion.seconds > 60
    for kind in (np.float64, np.float32):
        decoded, _ = decode(encode(motion, REST).astype(kind), REST, motion.fps, start(motion))
        assert np.abs(joints(decoded) - joints(motion)).max() < (1e-9 if kind is np.float64 else 1e-3)


def test_frames_know_neither_place_nor_heading(dance):
    _, motion = dance
    short = motion.slice(0, 8)
    from avanim.rigs.motion_edit import placed

    moved = placed(short, REST, 2.0, 5.0, -3.0)
    assert np.allclose(encode(short, REST), encode(moved, REST), atol=1e-6)


def test_another_body_dances_in_its_own_size(dance):
    _, motion = dance
    frames = encode(motion.slice(0, 8), REST)
    small = Rest(REST.skeleton, REST.joints * 0.5, REST.floor * 0.5)
    danced, _ = decode(frames, small, 24.0)
    assert np.allclose(joints(danced, small) * 2, joints(decode(frames, REST, 24.0)[0]), atol=1e-9)
    assert np.allclose(encode(danced, small, frames[:, :4]), frames, atol=1e-9)


def test_mirroring_frames_is_mirroring_the_motion(dance):
    _, motion = dance
    short = motion.slice(0, 8)
    frames = encode(short, REST)
    assert np.allclose(encode(short.mirrored(), REST)[:, 4:], mirrored(frames)[:, 4:], atol=1e-9)
    assert np.array_equal(mirrored(mirrored(frames)), frames)


def test_seconds_to_beats_and_back_where_the_tempo_changes(dance):
    _, motion = dance
    motion = at_times(motion, np.arange(0, 20, 1 / 60), 60.0)
    seconds = np.arange(len(motion)) / 60
    beat = 2 * seconds + 0.05 * np.sin(seconds)
    counted = in_beats(motion, beat, 0.0, int(beat[-1] * PER_BEAT))
    inside = beat < (len(counted) - 1) / PER_BEAT
    back = in_seconds(counted, 0.0, beat[inside], 60.0)
    assert np.abs(joints(back) - joints(motion)[inside]).max() < 0.01
    with pytest.raises(InputError, match="rise"):
        in_beats(motion, -beat, 0.0, 10)


def test_the_root_path_is_the_decoded_one(dance):
    _, motion = dance
    frames = encode(motion, REST)
    decoded, _ = decode(frames, REST, 24.0, (1.0, 2.0, 0.5))
    path = root_path(frames, (1.0, 2.0, 0.5))
    assert np.allclose(path[:, :2], (decoded.trans + REST.joints[0])[:, [0, 2]], atol=1e-9)
    assert np.allclose(np.exp(1j * path[:, 2]), np.exp(1j * headings(decoded.poses)), atol=1e-9)


# --- the network's parts ----------------------------------------------------------------------------------------------


def test_the_bridge_keeps_what_is_known_and_joins_it_smoothly():
    t = torch.linspace(0, 6, 96)[None, :, None]
    values = torch.cat([t.sin(), t.cos()], dim=-1)
    known = torch.ones_like(values, dtype=torch.bool)
    known[:, 40:52] = False
    made = bridge(values, known)
    assert torch.equal(made[known], values[known])
    assert (made - values).abs().max() < 0.04
    assert made.diff(n=2, dim=1).abs().max() < 0.05
    assert bridge(values, torch.zeros_like(known)).abs().max() == 0


def test_the_torch_body_stands_where_the_rig_does(dance):
    _, motion = dance
    frames = encode(motion.slice(0, 8), REST)
    decoded, _ = decode(frames, REST, 24.0)
    body = Body.average(torch.device("cpu"))
    tensor = torch.tensor(frames[None], dtype=torch.float32)
    points = body.points(tensor)[0].numpy()
    still = frames.copy()
    still[:, ROOT] = 0
    assert np.allclose(points[:, :24], joints(decode(still, REST, 24.0)[0]), atol=1e-5)
    moved = travelled(body.points(tensor), tensor)[0].numpy()
    soles = sole_points(decoded, REST)[:, :, :2].reshape(len(frames), 4, 3)
    assert np.allclose(
        np.linalg.norm(moved[:, 24:], axis=-1), np.linalg.norm(np.diff(soles, axis=0), axis=-1), atol=1e-5
    )


def test_noise_rises_from_none_to_all():
    share = signal(torch.linspace(0, 1, 50))
    assert (share.diff() < 0).all() and share[0] > 0.999 and share[-1] < 1e-3


# --- what every filling promises --------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 150), st.integers(0, 10**6))
def test_any_length_and_any_mask_what_is_known_comes_back_untouched(sampler, dance, length, seed):
    frames = dance[0].frames[:length].astype(float)
    rng = np.random.default_rng(seed)
    known = rng.random((length, WIDTH if seed % 2 else 1)) < rng.random()
    filled = sampler.fill(frames, known, steps=2, seed=seed)
    assert filled.shape == frames.shape and np.isfinite(filled).all()
    known = np.broadcast_to(known, frames.shape)
    assert np.array_equal(filled[known], frames[known])


def test_the_same_seed_gives_the_same_and_another_another(sampler, dance):
    frames = dance[0].frames[:120].astype(float)
    known = np.zeros((120, 1), bool)
    known[:20] = known[-20:] = True
    first = sampler.fill(frames, known, seed=4, steps=4)
    assert np.array_equal(first, sampler.fill(frames, known, seed=4, steps=4))
    assert not np.allclose(first, sampler.fill(frames, known, seed=5, steps=4))
    # What stood in the gap plays no part, unless it is to be varied.
    other = frames.copy()
    other[30:60] = 7.0
    assert np.array_equal(first, sampler.fill(other, known, seed=4, steps=4))


def test_joints_that_are_kept_stay_while_the_others_are_filled(sampler, dance):
    frames = dance[0].frames[:96].astype(float)
    known = np.zeros((96, WIDTH), bool)
    known[:, columns(16)] = known[:, columns(18)] = True
    filled = sampler.fill(frames, known, steps=2)
    assert np.array_equal(filled[:, columns(16)], frames[:, columns(16)])
    assert not np.allclose(filled[:, columns(17)], frames[:, columns(17)])


def test_the_root_comes_exactly_where_the_path_says(sampler, dance):
    frames = dance[0].frames[:200].astype(float)
    known = np.ones((200, WIDTH), bool)
    known[50:150] = False
    path = np.full((200, 3), np.nan)
    path[0], path[50] = root_path(frames)[[0, 50]]
    path[90] = path[50] + [0.7, -0.4, 1.0]
    path[150] = path[50] + [-0.5, 1.2, 4.0]
    filled = sampler.fill(frames, known, steps=3, path=path)
    came = root_path(filled)
    assert np.abs(came[[50, 90, 150]] - path[[50, 90, 150]]).max() < 1e-6


def test_a_filling_meets_the_given_at_its_seams(sampler, dance):
    frames = dance[0].frames[:96].astype(float)
    known = np.ones((96, 1), bool)
    known[40:58] = False
    filled = sampler.fill(frames, known, steps=3)[:, ROTATIONS]
    steps = np.abs(np.diff(filled, axis=0)).max(axis=1)
    assert steps[[39, 57]].max() < 0.35  # the untrained network's own jitter is the rest


def test_windows_cover_every_free_frame_once_at_least():
    rng = np.random.default_rng(0)
    for _ in range(200):
        length = int(rng.integers(96, 700))
        free = np.repeat(rng.random(length // 8 + 1) < rng.random(), 8)[:length]
        covered = np.zeros(length, bool)
        for first in windows(free, 96):
            assert 0 <= first <= length - 96
            covered[first : first + 96] = True
        assert (covered | ~free).all()
    assert windows(np.zeros(500, bool), 96) == []
    gap = np.zeros(10_000, bool)
    gap[5000:5012] = True
    assert len(windows(gap, 96)) == 1


def test_wrong_input_is_refused_in_plain_words(sampler, dance, tmp_path):
    frames = dance[0].frames[:30].astype(float)
    some = np.zeros((30, 1))
    for wrong, words in (
        (lambda: sampler.fill(frames[:, :10], some), "cannot be filled"),
        (lambda: sampler.fill(frames[:1], some[:1]), "two at least"),
        (lambda: sampler.fill(frames, some, style="polka"), "polka"),
        (lambda: sampler.fill(frames, some, strength=0.0), "strength"),
        (lambda: sampler.fill(frames, some, path=np.zeros((3, 3))), "path"),
        (lambda: decode(frames[:, :7], REST, 24.0), "hold no motion"),
        (lambda: encode(Motion(np.zeros((1, 24, 3)), np.zeros((1, 3)), 24.0), REST), "two at least"),
        (lambda: Sampler.load("cpu", tmp_path / "none.safetensors"), "Cannot read the weights"),
    ):
        with pytest.raises(InputError, match=words):
            wrong()
    assert not Sampler.available(tmp_path / "none.safetensors")


def test_filling_can_be_stopped(sampler, dance):
    def stop(fraction: float, step: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sampler.fill(dance[0].frames[:60], np.zeros((60, 1)), progress=stop)


def test_weights_come_back_from_their_file(sampler, dance, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(sampler.trained, path)
    again = Sampler(load_weights(path), torch.device("cpu"))
    frames, known = dance[0].frames[:60].astype(float), np.zeros((60, 1))
    one, two = (each.fill(frames, known, steps=2) for each in (sampler, again))
    assert np.abs(one - two).max() < 0.05  # half precision


# --- learning ---------------------------------------------------------------------------------------------------------


def test_takes_come_back_from_their_file(dance, tmp_path):
    take = replace(dance[0], beat=3.0)
    save([take, dance[0]], tmp_path / "t.npz")
    again = load(tmp_path / "t.npz")
    assert [one.styles for one in again] == [("pop",)] * 2 and again[0].beat == 3.0
    assert np.abs(again[0].frames - take.frames).max() < 1e-3


def test_moves_of_a_style_are_drawn_for_it():
    rng = np.random.default_rng(0)
    from avanim.models.dance.diffusion_data import is_held_out
    from avanim.rigs.moves import MOVES

    for _ in range(20):
        names, bpm, styles = random_moves(rng, "pop")
        assert styles == ("pop",) and 40 < bpm < 240
        assert all("pop" in MOVES[name].styles and not is_held_out(name) for name in names)


def test_a_recording_is_set_on_its_feet(dance):
    _, motion = dance
    short = motion.slice(0, 10).resampled(30.0)
    stood = standing(replace(short, trans=short.trans + np.array([0, 0.4, 0])))
    lowest = sole_points(stood, REST)[..., 1].min(axis=(1, 2))
    assert abs(np.median(lowest)) < 0.02


def test_batches_are_what_the_network_reads(dance):
    made = Batches([dance[0]], Config(), np.linspace(0, 1, 11)).sample(8, np.random.default_rng(0))
    assert made["frames"].shape == made["known"].shape == (8, 96, WIDTH)
    assert made["place"].shape == (8, 96, 10) and made["scalars"].shape == (8, 4)
    assert set(made["style"]) <= {STYLES.index("pop"), len(STYLES)}
    assert 0 < made["known"].mean() < 1 and np.abs(made["frames"][..., TURN]).max() < 1


def test_the_truth_has_no_loss(dance):
    frames = torch.tensor(dance[0].frames[None, :96])
    mean, deviation = torch.zeros(WIDTH), torch.ones(WIDTH)
    made = losses(Body.average(torch.device("cpu")), frames, frames, mean, deviation)
    assert all(float(made[key].max()) < 1e-9 for key in made if key != "slide")


def test_a_toy_run_learns_and_is_taken_up_where_it_stopped(dance, tmp_path):
    toy = replace(TINY, window=96)
    trainer = Trainer([dance[0]], toy, batch=8, peak=3e-3)
    totals = [trainer.step(0.0)["joints"] for _ in range(60)]
    assert np.mean(totals[-10:]) < 0.75 * np.mean(totals[:10])
    trainer.save(tmp_path / "run.pt")
    again = Trainer([dance[0]], toy, batch=8, peak=3e-3, seed=0)
    again.resume(tmp_path / "run.pt")
    assert again.done == 60
    assert again.step(0.0)["total"] == pytest.approx(trainer.step(0.0)["total"], rel=1e-4)


# --- the weights that ship --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> Sampler:
    return Sampler.load("cpu")


def test_a_beat_of_a_move_it_never_saw_is_found_better_than_by_interpolation(shipped):
    from avanim.models.dance.diffusion_data import is_held_out
    from avanim.models.dance.diffusion_score import in_between

    assert is_held_out("running_man") and is_held_out("box_step")
    rng = np.random.default_rng(0)
    takes = [written([name] * 3, 110.0, ("pop",), rng)[0] for name in ("running_man", "box_step")]
    scores = in_between(shipped, takes, 1.0, most=8)
    assert scores["model"]["joints_mm"] < 0.8 * scores["slerp"]["joints_mm"]
    assert scores["model"]["joints_mm"] < 0.9 * scores["cubic"]["joints_mm"]
    assert scores["model_to_place"]["root_at_end_mm"] < 1e-3
    assert scores["model"]["jerk_p999"] < 1.3 * scores["truth"]["jerk_p999"]


def test_a_little_strength_stays_near_what_was_given(shipped, dance):
    frames = dance[0].frames[:96].astype(float)
    nothing = np.zeros((96, 1))
    varied = [
        shipped.fill(frames, nothing, style="pop", bpm=120, strength=strength)[:, ROTATIONS] - frames[:, ROTATIONS]
        for strength in (0.2, 0.5, 1.0)
    ]
    near, middle, far = (float(np.abs(change).mean()) for change in varied)
    assert 0 < near < middle < far


def test_a_window_takes_less_than_half_a_second(shipped, dance):
    frames, known = dance[0].frames[:96].astype(float), np.ones((96, 1))
    known[40:58] = 0
    shipped.fill(frames, known)
    began = time.process_time()
    shipped.fill(frames, known)
    assert time.process_time() - began < 0.5
