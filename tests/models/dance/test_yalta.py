# SPDX-License-Identifier: GPL-3.0-or-later
"""Basic steps after Yalta: the weak labels, the contrastive loss, auto-conditioning, and the dances of the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from avanim.models.audio.composer import compose
from avanim.models.audio.score import beat_f1
from avanim.models.dance import METHODS, generate
from avanim.models.dance.lessons import figures, first_downbeat, lesson
from avanim.models.dance.yalta import (
    Config,
    Streams,
    YaltaNet,
    contrastive_loss,
    dance_positions,
    directions,
    load,
    motion_beats,
    spectra,
)
from avanim.rigs.errors import InputError
from avanim.rigs.motion_metrics import measure
from avanim.rigs.skeleton import Rest

REST = Rest.average()
SMALL = Config(channels=(4, 4, 8, 16), width=24, code=16)


@pytest.fixture(scope="module")
def song():
    return compose("disco", 116, 12, 77, rate=22050, stereo=False)


@pytest.fixture(scope="module")
def taught(song, tmp_path_factory):
    return lesson(
        song.sound, song.beats, figures("pop", tmp_path_factory.mktemp("none"), 1, 1), spectra(song.sound), 15
    )


@pytest.fixture(scope="module")
def weights():
    return load()


# --- the method


def test_five_spectra_of_129_bins_a_frame(song):
    features = spectra(song.sound)
    assert features.shape == (int(np.ceil(song.sound.seconds * 15)), 5 * 129)
    assert -1 <= features.min() < -0.5 and 0.5 < features.max() <= 1


def test_weak_labels_tell_where_the_direction_of_motion_turns():
    # The spread of a frame's values rises for 10 frames and falls for 10, over and over.
    size = 1 + np.abs((np.arange(60) % 20) - 10) / 10
    motion = torch.tensor(size[None, :, None] * np.array([-1.0, 1.0, 2.0]), dtype=torch.float32)
    turns = np.flatnonzero(directions(motion)[0].numpy() == 0)
    assert list(turns + 1) == [10, 20, 30, 40, 50]


def test_contrastive_loss_pulls_and_pushes():
    code = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 4.0]]])
    assert contrastive_loss(code, torch.ones(1, 2), 3.0).item() == pytest.approx((1 + 16) / 4, rel=1e-3)
    assert contrastive_loss(code, torch.zeros(1, 2), 3.0).item() == pytest.approx(((3 - 1) ** 2 + 0) / 4, rel=1e-3)


def test_93_the_decoder_is_fed_its_own_output_in_training_as_in_use(taught):
    torch.manual_seed(0)
    net = YaltaNet(SMALL).eval()
    code = torch.randn(2, 12, 16)
    alone, _ = net.decode(code, *net.start(2))
    before, state = net.start(2)
    for at in range(12):
        before, state = net.step(code[:, at], before, state)
        assert torch.allclose(before, alone[:, at], atol=1e-6)
    # Told the truth instead, it makes something else: the switch is real.
    told, _ = net.decode(code, *net.start(2), truth=torch.ones(2, 12, 63))
    assert torch.allclose(told[:, 0], alone[:, 0]) and not torch.allclose(told[:, 1], alone[:, 1], atol=1e-4)
    # Training takes up every stream where the step before has left it.
    streams = Streams(YaltaNet(SMALL), [taught], count=2)
    places = list(streams.places)
    streams.loss(0)
    assert [at for _, at in streams.places] == [at + 80 for _, at in places]
    assert streams.before.abs().sum() > 0 and not streams.before.requires_grad


def test_93_contrastive_term_makes_the_code_leap_on_the_beat(song, taught):
    """The encoder's leaps as beats: their F-measure against the music's improves with the term, all else alike."""
    turning = directions(torch.tensor(taught.motion)[None] - torch.tensor(taught.motion.mean(0)))
    sound = torch.tensor(taught.features)[None]

    def separation(net: YaltaNet) -> float:
        with torch.no_grad():
            leaps = torch.diff(net.eval().encode(sound)[0], dim=1).norm(dim=-1)[:, 1:]
        return float(leaps[turning == 0].mean() / leaps[turning == 1].mean())

    torch.manual_seed(1)
    net = YaltaNet(SMALL)
    plain = separation(net)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    net.train()
    for step in range(40):
        at = 30 * (step % 5)
        loss = contrastive_loss(net.encode(sound[:, at : at + 180])[0][:, 1:], turning[:, at : at + 178], 3.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert separation(net) > 1.3 * plain


def test_training_learns_a_stretch_by_heart(taught):
    torch.manual_seed(0)
    net = YaltaNet(Config(channels=(2, 2, 4, 8), width=32, contrast=0.0))
    streams = Streams(net, [taught], count=2)
    places = list(streams.places)
    optimizer, losses = torch.optim.Adam(net.parameters(), 1e-2), []
    for step in range(15):
        streams.places, streams.encoder = list(places), None
        streams.before, streams.decoder = net.start(2)
        loss = streams.loss(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.85 * losses[0]


# --- what the weights dance


@pytest.mark.parametrize("style", METHODS["yalta"].styles)
def test_93_five_minutes_without_freezing_or_drift(style, weights, song):
    net = weights[style][0]
    first = round(first_downbeat(song.beats) * 15)
    once = spectra(song.sound)[first:]
    features = np.tile(once, (4500 // len(once) + 1, 1))[:4500]
    positions = dance_positions(net, features)
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1).mean(1)
    minutes = [part.mean() for part in np.array_split(speed, 5)]
    assert min(minutes) > 0.75 * max(minutes)
    assert min(minutes) * 15 > 0.15
    hips = positions[:, :2].mean(1)[:, [0, 2]]
    assert np.linalg.norm(hips - hips[0], axis=1).max() < 1.5


def test_93_motion_beats_keep_to_music_beats(weights, song):
    net = weights["pop"][0]
    first = first_downbeat(song.beats)
    positions = dance_positions(net, spectra(song.sound)[round(first * 15) :])
    found = motion_beats(positions, 15.0) + first
    music = song.beats.times[(song.beats.times > first) & (song.beats.times < first + len(positions) / 15)]
    period = float(np.median(np.diff(music)))
    assert beat_f1(found, music) > 1.3 * beat_f1(found, music + period / 2)


def test_the_delivered_dance(song):
    danced = generate(song.sound, REST, method="yalta", seed=3, beats=song.beats, device="cpu")
    again = generate(song.sound, REST, method="yalta", seed=3, beats=song.beats, device="cpu")
    assert np.array_equal(danced.motion.poses, again.motion.poses)
    assert len(danced.motion) == round(song.sound.seconds * 30)
    measured = measure(danced.motion, REST)
    assert measured["contact_speed_median"] < 0.05
    assert measured["penetration_p99"] < 0.01
    other = generate(song.sound, REST, method="yalta", seed=4, beats=song.beats, device="cpu")
    assert not np.allclose(other.motion.poses, danced.motion.poses)


def test_broken_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(InputError, match="dance/yalta"):
        load(path)
