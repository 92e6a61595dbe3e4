# SPDX-License-Identifier: GPL-3.0-or-later
"""GrooveNet: live features, the history it uses, chance that is the seed's, and its speed."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from avanim.models.audio.composer import compose
from avanim.models.audio.live import FEATURES, HOP, RATE, Listener, live_features
from avanim.models.audio.load import resampled
from avanim.models.dance import METHODS, generate
from avanim.models.dance.groove import FCRBM, Config, Dancer, GrooveRNN, Streams, dance_positions, load
from avanim.models.dance.lessons import Lesson, first_downbeat
from avanim.rigs.errors import InputError
from avanim.rigs.motion_metrics import measure
from avanim.rigs.skeleton import Rest

REST = Rest.average()


@pytest.fixture(scope="module")
def song():
    return compose("pop", 110, 10, 99, rate=22050, stereo=False)


@pytest.fixture(scope="module")
def heard(song):
    """The features from the first downbeat on."""
    return live_features(song.sound)[round(60 * first_downbeat(song.beats)) :]


@pytest.fixture(scope="module")
def weights():
    return load()


# --- live features


def test_features_of_a_stream_are_those_of_the_whole_sound(song):
    whole = live_features(song.sound)
    assert whole.shape[1] == FEATURES
    y, listener = resampled(song.sound, RATE).mono(), Listener()
    pieces = [listener.hear(y[at : at + HOP * n]) for at, n in ((0, 1), (HOP, 5), (6 * HOP, 94))]
    assert np.allclose(np.concatenate(pieces), whole[:100], atol=1e-5)


def test_features_do_not_look_ahead():
    random = np.random.default_rng(0)
    one = random.normal(0, 0.1, 40 * HOP)
    other = one.copy()
    other[20 * HOP :] = 0
    a, b = Listener().hear(one), Listener().hear(other)
    assert np.array_equal(a[:20], b[:20]) and not np.allclose(a[20], b[20])


def test_features_tell_pitch_and_loudness():
    def tone(frequency: float, level: float) -> np.ndarray:
        return Listener().hear(level * np.sin(2 * np.pi * frequency * np.arange(60 * HOP) / RATE))[-1]

    low, high, quiet = tone(110, 0.5), tone(1760, 0.5), tone(110, 0.05)
    assert low[25] < high[25]  # centroid
    assert low[0] - quiet[0] == pytest.approx(2 * np.log(10), abs=0.01)
    with pytest.raises(ValueError, match="multiple of 256"):
        Listener().hear(np.zeros(100))


# --- the method


def untrained(model: type = FCRBM, **changed) -> FCRBM | GrooveRNN:
    torch.manual_seed(0)
    config = Config(hidden=20, factors=20, rnn=16, **changed)
    net = model(config)
    net.learn_scales([example()])
    return net


def example() -> Lesson:
    random, count = np.random.default_rng(1), np.arange(400) / 30
    waves = np.sin(2 * np.pi * count[:, None] * 3 + random.uniform(0, 6, 63)) * random.uniform(0.05, 0.3, 63)
    return Lesson(random.normal(size=(400, FEATURES)).astype(np.float32), waves.astype(np.float32), count)


def test_free_energy_is_that_of_the_joint_energy():
    """exp(-F(v)) is the sum of exp(-E(v, h)) over all h."""
    torch.manual_seed(0)
    net = FCRBM(Config(hidden=6, factors=5, components=4, order=3))
    net.heard_scale.fill_(1.0)
    for weight in net.parameters():
        weight.data.normal_(0, 0.4)
    past, heard, v = torch.randn(1, 3, 4), torch.randn(1, FEATURES), torch.randn(1, 4)
    a, b, gate = net.biases(past, heard)
    energies = []
    for number in range(2**6):
        h = torch.tensor([[float(number >> k & 1) for k in range(6)]])
        energies.append(((v - a) ** 2).sum() / 2 - (h * b).sum() - ((v @ net.v) * (h @ net.h) * gate).sum())
    assert torch.allclose(net.free_energy(v, a, b, gate), -torch.logsumexp(-torch.stack(energies), 0), atol=1e-4)
    # The visible units' mean is where the energy is least.
    h = torch.ones(1, 6)
    mean = net.visible(h, a, gate)
    assert torch.allclose(mean, a + (h @ net.h * gate) @ net.v.T)


def test_contrastive_divergence_learns():
    net, lesson = untrained(), example()
    with torch.no_grad():
        squeezed = net.squeezed(torch.tensor(lesson.motion)).numpy()
    past = torch.tensor(np.stack([squeezed[t - 30 : t] for t in range(30, 300)]))
    truth, sound = torch.tensor(squeezed[30:300]), torch.tensor(lesson.features[30:300])

    def surprise() -> float:
        with torch.no_grad():
            a, b, gate = net.biases(past, sound)
            return float(((net.gibbs(past[:, -1], a, b, gate, 0, None) - truth) ** 2).mean())

    before, optimizer = surprise(), torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        net.contrastive_divergence(truth, past, sound).backward()
        optimizer.step()
    assert surprise() < 0.5 * before


def test_training_goes_on_from_what_the_machine_has_made():
    net, lesson = untrained(), example()
    with torch.no_grad():
        squeezed = net.squeezed(torch.tensor(lesson.motion)).numpy()
    streams = Streams(net, [Lesson(lesson.features, squeezed, lesson.count)])
    before, places = streams.past.clone(), streams.places.copy()
    assert streams.loss(0).requires_grad
    going_on = streams.places[:, 1] == places[:, 1] + 1
    assert going_on.mean() > 0.9
    assert torch.equal(streams.past[going_on][:, :-1], before[going_on][:, 1:])
    true = torch.tensor(squeezed[places[going_on, 1]])
    assert not torch.allclose(streams.past[going_on][:, -1], true, atol=1e-3)


def test_89_history_of_order_n_is_used_and_no_more():
    net = untrained()
    assert net.config.order == 30 and net.start().shape == (1, 30, net.config.components)
    heard, past = torch.zeros(1, FEATURES), torch.randn(1, 30, net.config.components)
    a, b, _ = net.biases(past, heard)
    for frame in (0, 15, 29):
        changed = past.clone()
        changed[:, frame] += 1.0
        a1, b1, _ = net.biases(changed, heard)
        assert not torch.allclose(a, a1, atol=1e-6) and not torch.allclose(b, b1, atol=1e-6)
    # After 30 steps nothing is left of where it began but what came of it.
    _, after = net.step(heard, past, None)
    assert torch.equal(after[:, :-1], past[:, 1:])


def test_sound_gates_the_machine():
    net = untrained()
    past = torch.randn(1, 30, net.config.components)
    one, other = (net.biases(past, heard) for heard in (torch.zeros(1, FEATURES), 2 * torch.ones(1, FEATURES)))
    assert all(not torch.allclose(left, right, atol=1e-6) for left, right in zip(one, other, strict=True))


@pytest.mark.parametrize("style", METHODS["groove"].styles)
def test_89_next_frame_latency(style, weights, heard):
    """A step on the CPU takes less than a 60th of a second, sound and all."""
    dancer, listener = Dancer(weights[style][0]), Listener()
    samples, taken = np.random.default_rng(0).normal(0, 0.1, HOP), []
    for _ in range(60):
        began = time.thread_time()
        pose = dancer.step(listener.hear(samples)[0])
        taken.append(time.thread_time() - began)
    assert pose.shape == (21, 3)
    assert np.median(taken) < 1 / 60


def test_89_another_seed_is_another_dance_in_the_same_style(weights, heard):
    net = weights["pop"][0]
    one, again, other = (dance_positions(net, heard[:900], seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    apart = np.linalg.norm(one - other, axis=-1).mean()
    assert apart > 0.003
    # On-style: both move as much, about the same mean pose.
    speeds = [np.linalg.norm(np.diff(dance, axis=0), axis=-1).mean() for dance in (one, other)]
    assert min(speeds) > 0.7 * max(speeds)
    assert np.linalg.norm(one.mean(0) - other.mean(0), axis=-1).mean() < 0.1


def test_89_the_recurrent_alternative_draws_nothing(weights, heard):
    net = weights["pop_rnn"][0]
    assert isinstance(net, GrooveRNN)
    assert np.array_equal(dance_positions(net, heard[:120], 1), dance_positions(net, heard[:120], 2))


@pytest.mark.parametrize("style", METHODS["groove"].styles)
def test_it_neither_freezes_nor_runs_away(style, weights, heard):
    features = np.tile(heard, (3600 // len(heard) + 1, 1))[:3600]
    positions = dance_positions(weights[style][0], features)
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1).mean(1) * 60
    thirds = [part.mean() for part in np.array_split(speed, 3)]
    assert min(thirds) > 0.1 and max(thirds) < 2 * min(thirds)
    hips = positions[:, :2].mean(1)[:, [0, 2]]
    assert np.linalg.norm(hips - hips[0], axis=1).max() < 1.5


def test_the_delivered_dance(song):
    danced = generate(song.sound, REST, method="groove", seed=3, beats=song.beats, device="cpu")
    assert len(danced.motion) == round(song.sound.seconds * 30)
    measured = measure(danced.motion, REST)
    assert measured["contact_speed_median"] < 0.05
    assert measured["penetration_p99"] < 0.01


def test_broken_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(InputError, match="dance/groove"):
        load(path)
