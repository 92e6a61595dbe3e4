# SPDX-License-Identifier: GPL-3.0-or-later
"""The families that need torch, and all of them as tools: what makes each what it is, beside a plain way to do it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from avanim.models.dance.families import OPTIONS, TOOLS, fcrbm, gp, improvise, manifold, manifold_train
from avanim.models.dance.families.latent import Latent
from avanim.models.dance.families.tools import apply_tool
from avanim.models.dance.groove import FCRBM
from avanim.models.tasks import checked_options, run
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.job import Job
from avanim.rigs.motion import Motion
from avanim.rigs.moves import MOVES, Placed, perform
from avanim.rigs.rotation import resample_rotations
from avanim.rigs.skeleton import Rest

REST = Rest.average()


def danced(move: str, bars: int = 6, **how) -> Motion:
    beats = np.arange(4 * bars + 10) * 0.5
    placed = [Placed(move, 4 * k, **how) for k in range(0, bars, 2)]
    return perform(placed, beats, REST, 30.0).motion.slice(0, 2.0 * bars)


@pytest.fixture(scope="module")
def step():
    return danced("step_touch")


@pytest.fixture(scope="module")
def lively():
    return danced("mambo", amplitude=1.3)


def joints(motion: Motion) -> np.ndarray:
    return REST.forward(motion.poses, motion.trans)[0]


def speed(motion: Motion) -> float:
    """m/s of the joints about the root."""
    places = joints(motion)
    return float(np.linalg.norm(np.diff(places - places[:, :1], axis=0), axis=-1).mean() * motion.fps)


# --- [106] Gaussian process dynamical model


@pytest.fixture(scope="module")
def dynamics(step):
    slow = step.resampled(gp.FPS)
    latent = Latent.of([slow], REST, 12)
    return gp.learned([latent.numbers(slow)], 20), latent.numbers(slow)


def test_106_a_process_is_the_conditional_normal_distribution():
    random = np.random.default_rng(0)
    x, y = torch.tensor(random.normal(size=(6, 2))), torch.tensor(random.normal(size=(6, 3)))
    kernel = gp.Kernel(torch.tensor([0.3, -0.2, -1.0, -2.0], dtype=torch.double))
    process, at = gp.Process(kernel, x, y), torch.tensor(random.normal(size=(4, 2)))
    noise = np.exp(-2.0) + gp._LEAST_NOISE
    covariance = kernel(x, x).numpy() + noise * np.eye(6)
    across = kernel(at, x).numpy()
    assert np.allclose(process.mean(at), across @ np.linalg.solve(covariance, y.numpy()))
    wanted = kernel(at, at).diagonal().numpy() - (across @ np.linalg.solve(covariance, across.T)).diagonal() + noise
    assert np.allclose(process.variance(at), wanted)
    likely = 1.5 * np.linalg.slogdet(covariance)[1] + 0.5 * np.trace(
        y.numpy().T @ np.linalg.solve(covariance, y.numpy())
    )
    assert np.isclose(float(process.surprise()), likely)


def test_106_points_kernels_and_dynamics_are_learned_together(dynamics):
    model, numbers = dynamics
    assert model.surprise[1] < model.surprise[0]
    assert model.points.shape == (len(numbers), 4)
    # Both processes say more than their mean alone: of the poses, and of where a point moves next.
    off = (model.poses.mean(model.points) - torch.tensor(numbers)).square().mean()
    assert off < 0.1 * np.var(numbers, axis=0).mean()
    moves = model.moves
    assert (moves.mean(moves.inputs) - moves.outputs).square().mean() < 0.3 * moves.outputs.var(0).mean()


def _between(motion: Motion, first: int, last: int) -> Motion:
    """The baseline: slerp."""
    frames, poses, trans = np.arange(first, last + 1), motion.poses.copy(), motion.trans.copy()
    ends = np.array([first, last], float)
    poses[frames] = resample_rotations(motion.poses[[first, last]], ends, frames.astype(float))
    for axis in range(3):
        trans[frames, axis] = np.interp(frames, ends, motion.trans[[first, last], axis])
    return replace(motion, poses=poses, trans=trans)


def test_106_a_gap_in_what_repeats_is_filled_better_than_by_interpolation(step):
    keys = [182, 212]
    holed = _between(step, *keys)  # what was there is not to be seen
    made, _ = gp.in_between(holed, REST, keys, rounds=30)
    gap = slice(keys[0], keys[1] + 1)
    off, plain = (np.linalg.norm(joints(one)[gap] - joints(step)[gap], axis=-1).mean() for one in (made, holed))
    assert off < 0.6 * plain
    outside = np.r_[0 : keys[0] + 1, keys[1] : len(step)]
    assert np.array_equal(made.poses[outside], holed.poses[outside])
    assert np.array_equal(made.trans[outside], holed.trans[outside])


def test_106_it_goes_on_with_the_motion(step):
    made, _ = gp.continued(step, REST, 4.0, rounds=30)
    assert abs(made.seconds - 4) < 0.2 and np.abs(joints(made)[0] - joints(step)[-1]).max() < 0.1
    assert 0.5 * speed(step) < speed(made) < 1.6 * speed(step)


def test_106_too_little_is_refused(step):
    with pytest.raises(InputError, match="two frames"):
        gp.in_between(step, REST, [5])
    with pytest.raises(InputError, match="example"):
        gp.in_between(step.slice(0, 2), REST, [5, 50])
    with pytest.raises(InputError, match="nothing between"):
        gp.in_between(step, REST, [50, 51])


# --- [107] factored conditional Boltzmann machine


def test_107_the_style_gates_one_machine(step, lively):
    clips = [one.resampled(fcrbm.FPS) for one in (step, lively)]
    latent = Latent.of(clips, REST, 8)
    numbers = [latent.numbers(clip)[:, :-3] for clip in clips]
    net = fcrbm.learned(numbers, 250)
    assert isinstance(net, FCRBM)
    past = torch.tensor(numbers[0][20:28], dtype=torch.float32)[None] * fcrbm._CALM
    biases = [net.biases(past, fcrbm.label(style)) for style in (0.0, 0.5, 1.0)]
    assert not torch.allclose(biases[0][0], biases[2][0]) and not torch.allclose(biases[0][2], biases[1][2])
    # Its order is 8: what lies farther back is not seen.
    early = np.concatenate([np.full((5, numbers[0].shape[1]), 9.0), numbers[0][:8]])
    assert np.array_equal(fcrbm.gone_on(net, early, 5, 0, 1), fcrbm.gone_on(net, numbers[0][:8], 5, 0, 1))
    made = [fcrbm.gone_on(net, numbers[0], 100, 0.0, seed) for seed in (1, 1, 2)]
    assert np.array_equal(made[0], made[1]) and not np.allclose(made[0], made[2])
    assert np.isfinite(made[2]).all() and np.abs(made[2]).max() <= 1.11 * np.abs(np.concatenate(numbers)).max()


def test_107_wrong_wishes_are_refused(step):
    with pytest.raises(InputError, match="another motion"):
        fcrbm.varied(step, REST, 2, mix=0.5)
    with pytest.raises(InputError, match="between 0 and 1"):
        fcrbm.varied(step, REST, 2, step, mix=1.5)


# --- [108] mixture density network


def test_108_the_output_is_a_mixture_of_gaussians():
    torch.manual_seed(0)
    net = improvise.Improviser(3, hidden=8, mixtures=2)
    numbers, steps = torch.randn(1, 4, 3), torch.randn(1, 4, 3)
    weight, mean, deviation, _ = net(numbers)
    assert torch.allclose(weight.exp().sum(-1), torch.ones(1, 4))
    each = torch.distributions.Normal(mean, deviation).log_prob(steps[..., None, :]).sum(-1)
    assert torch.allclose(net.surprise(numbers, steps), -torch.logsumexp(weight + each, -1).mean(), atol=1e-2)


def test_108_two_ways_to_go_on_are_two_components_and_temperature_chooses_more_freely():
    """A walk that goes up or down by 1 at random: the mean step is 0, but none that is drawn is near it."""
    walk = np.cumsum(np.random.default_rng(0).choice([-1.0, 1.0], 400))[:, None]
    walk = 0.2 * (walk - walk.mean())
    net = improvise.learned(walk, 250)
    before, limit = torch.tensor(walk[-60:], dtype=torch.float32), torch.tensor([99.0])

    def steps(temperature: float, seed: int) -> np.ndarray:
        return np.diff(net.drawn(before, 80, temperature, limit, seed).numpy(), axis=0)[:, 0]

    warm = steps(1.0, 1)
    assert (warm > 0.05).any() and (warm < -0.05).any() and (np.abs(warm) > 0.08).mean() > 0.8
    assert np.array_equal(steps(0.0, 1), steps(0.0, 2)) and not np.array_equal(warm, steps(1.0, 2))
    assert np.std(np.abs(steps(2.0, 1))) > np.std(np.abs(steps(0.3, 1)))


def test_108_improvising_moves_as_the_motion_does(step):
    made, _ = improvise.improvised(step, REST, 4.0, 0.5, seed=1, steps=150)
    assert abs(made.seconds - 4) < 0.2 and np.abs(joints(made)[0] - joints(step)[-1]).max() < 0.15
    assert 0.3 * speed(step) < speed(made) < 2.5 * speed(step)


# --- [109] convolutional motion manifold


def test_109_trained_it_takes_off_more_noise_than_it_adds(tmp_path, monkeypatch):
    """A toy run on three moves; the spoiled motion is one of another tempo."""
    monkeypatch.setattr(manifold_train, "recordings", lambda *_: {})
    monkeypatch.setattr(manifold_train, "performances", lambda: [danced("step_touch"), danced("grapevine")])
    monkeypatch.setattr(manifold_train, "Config", lambda: manifold.Config(code=40, frames=9))
    out = tmp_path / "toy.safetensors"
    made = manifold_train.train(tmp_path, out)
    assert made["seconds_of_motion"] == 48
    clean = danced("step_touch", amplitude=1.1)
    bad = manifold_train.trembling(clean, 0.2)
    good, _ = manifold.cleaned(bad, REST, weights=out)
    off, before = (np.linalg.norm(joints(one) - joints(clean), axis=-1).mean() for one in (good, bad))
    assert off < 0.7 * before


@pytest.fixture(scope="module")
def shipped():
    if not manifold.PATH_FILE.is_file():
        pytest.skip("its weights are not there")
    return manifold.load()


def test_109_an_autoencoder_of_convolutions_whose_code_is_smaller_than_its_stretch(shipped):
    config = shipped.config
    assert config.code < config.width * config.frames / 5
    flat = shipped.kernel.reshape(config.code, -1)
    assert torch.allclose(flat @ flat.T, torch.eye(config.code), atol=5e-3)
    # It is the same at each moment: what comes later makes the same later.
    pulse = torch.zeros(1, config.width, 80)
    pulse[0, 5, 30] = 1
    assert torch.allclose(shipped(pulse)[..., :60], shipped(pulse.roll(7, 2))[..., 7:67], atol=1e-5)


def test_109_clean_up_takes_off_half_of_the_noise_of_a_move_it_never_saw(shipped):
    """About what the Gaussian takes off that is best for this very move. Joints that jump no longer do."""
    unseen = next(name for name in MOVES if manifold_train.is_held_out(name) and 3 not in MOVES[name].metres)
    clean = danced(unseen)
    bad = manifold_train.trembling(clean, 0.1)

    def off(motion: Motion) -> float:
        return float(np.linalg.norm(joints(motion) - joints(clean), axis=-1).mean())

    best = min(off(manifold_train.smoothed(bad, width)) for width in (0.5, 1, 2, 3, 4))
    assert off(manifold.cleaned(bad, REST)[0]) < min(0.55 * off(bad), 1.2 * best)
    jumping = manifold_train.trembling(clean, 0.0)

    def leap(motion: Motion) -> float:
        return float(np.percentile(np.linalg.norm(np.diff(joints(motion), 2, axis=0), axis=-1), 99.5))

    assert leap(manifold.cleaned(jumping, REST)[0]) < 0.5 * leap(jumping)


def test_109_strength_fingers_and_what_is_too_short(shipped, step):
    assert np.allclose(joints(manifold.cleaned(step, REST, 0.0)[0]), joints(step), atol=1e-6)
    held = replace(step, poses=step.poses.copy())
    held.poses[:, 22:] = 0.3
    assert np.array_equal(manifold.cleaned(held, REST)[0].poses[:, 22:], held.poses[:, 22:])
    for bad in ((step, 1.5), (replace(step, poses=step.poses[:4], trans=step.trans[:4]), 1.0)):
        with pytest.raises(InputError):
            manifold.cleaned(bad[0], REST, bad[1])


# --- as tools


def test_each_tool_says_whom_it_follows_and_reads_known_options():
    assert list(TOOLS) == ["pca", "hmm", "gp", "fcrbm", "mdn", "manifold"]
    for tool in TOOLS.values():
        assert tool.title and "20" in tool.reference and set(tool.options) <= set(OPTIONS)


def test_a_job_leaves_the_motion_alone_and_keeps_feet_on_the_floor(step, tmp_path):
    from avanim.rigs import characters
    from avanim.rigs.feet import plant_feet
    from avanim.rigs.motion_files import load_motion
    from avanim.rigs.motion_metrics import contact_speed, penetration

    # A job's motion is the neutral character's: on another body's legs the same poses slide by 5 cm/s.
    body = characters.load_body(characters.FOLDER / "SMPL_NEUTRAL.npz").rest()
    there, out = tmp_path / "in.npz", tmp_path / "out.npz"
    step = plant_feet(step, body)
    step.save(there)
    before = there.read_bytes()
    made = run(Job("motion", str(there), {"tool": "pca", "gains": [1.6, 1.0], "offsets": [0, 0.4]}, str(out)))
    assert there.read_bytes() == before and made["settings"]["tool"] == "pca"
    edited = load_motion(out)
    assert len(edited) == len(step) and not np.allclose(edited.poses, step.poses)
    assert np.median(contact_speed(edited, body)) < 0.001 and np.percentile(penetration(edited, body), 99) < 0.002
    bare = {"tool": "pca", "gains": [1.6, 1.0], "offsets": [0, 0.4], "plant": False}
    run(Job("motion", str(there), bare, str(out)))
    assert np.median(contact_speed(load_motion(out), body)) > 0.05


def test_what_goes_on_begins_as_the_motion(step):
    made, about = apply_tool(step, REST, "gp", options={"seconds": 2.0})
    assert np.array_equal(made.poses[: len(step)], step.poses) and abs(made.seconds - step.seconds - 2) < 0.2
    assert about["tool"] == "gp"


@pytest.mark.parametrize(
    ("tool", "options", "said"),
    [
        ("wand", {}, "choose one of"),
        ("pca", {"temperature": 1.0}, "knows no temperature"),
        ("hmm", {}, "needs another motion"),
        ("manifold", {"keys": [1]}, "knows no keys"),
        ("gp", {"keys": ["a"]}, "list of numbers"),
    ],
)
def test_wrong_wishes_are_refused_in_one_sentence(step, tool, options, said):
    with pytest.raises(InputError, match=said):
        apply_tool(step, REST, tool, options=options)


def test_options_have_bounds():
    for bad in ({"temperature": 3.0}, {"mix": 5}, {"strength": -1}, {"gains": "1"}, {"magic": 1}):
        with pytest.raises(InputError):
            checked_options(bad, OPTIONS)


def test_a_tool_can_be_stopped(step):
    def stop(fraction: float, _: str) -> None:
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        apply_tool(step, REST, "mdn", progress=stop)


def test_the_command_line(step, tmp_path):
    step.save(tmp_path / "in.npz")
    danced("mambo").save(tmp_path / "other.npz")

    def avanim(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "avanim", "motion", *words, "--quiet"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    done = avanim("in.npz", "-o", "mix.bvh", "--tool", "hmm", "--other", "other.npz", "--mix", "0.5", "--json")
    assert (
        done.returncode == 0 and json.loads(done.stdout)["settings"]["mix"] == 0.5 and (tmp_path / "mix.bvh").is_file()
    )
    wrong = avanim("in.npz", "-o", "out.npz", "--tool", "pca", "--gains", "1,x")
    assert wrong.returncode == 2 and "--gains must be numbers" in wrong.stderr
    assert not (tmp_path / "out.npz").exists()
