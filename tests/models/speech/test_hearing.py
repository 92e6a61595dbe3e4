# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recogniser hears, says and streams: features, network, decoder, windows, bad input."""

import numpy as np
import pytest
import torch
from avanim.models.audio import save_wav
from avanim.models.speech import Listener, recognise, recognised_parts
from avanim.models.speech.decode import Weights, decode
from avanim.models.speech.features import (
    BANDS,
    FRAMES,
    HOP,
    RATE,
    REACH,
    WIDTH,
    features,
    framed_features,
    loudness,
    pitch,
)
from avanim.models.speech.net import EVENTS, LIMITS, PAIR, Config, SpeechNet, load_weights, save_weights
from avanim.models.speech.recogniser import WEIGHTS, listen
from avanim.models.speech.stream import RunningLevel, frame_levels
from avanim.rigs.errors import Cancelled, InputError
from avanim.rigs.phones import PHONES, those
from avanim.rigs.sound import Sound


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    net = SpeechNet(Config(width=32, dilations=(1, 2, 4, 1, 2)))
    for layer in net.blocks:
        torch.nn.init.normal_(layer.out.weight, std=0.2)
    return net.eval()


def vowel(seconds=1.0, hertz=120.0, formants=(700, 1200, 2600), gain=0.2):
    """(N,) a buzz with the resonances of a vowel."""
    n = round(seconds * RATE)
    made = np.zeros(n)
    made[:: round(RATE / hertz)] = 1.0
    from scipy.signal import lfilter

    for centre in formants:
        r, w = 0.97, 2 * np.pi * centre / RATE
        made = lfilter([1.0], [1.0, -2 * r * np.cos(w), r * r], made)
    return (gain * made / np.abs(made).max()).astype(np.float32)


def posterior(*runs):
    """(T, P) probabilities of (phone, frames, probability) one after the other."""
    rows = []
    for name, frames, sure in runs:
        row = np.full(len(PHONES), (1 - sure) / (len(PHONES) - 1), np.float32)
        row[PHONES.index(name)] = sure
        rows += [row] * frames
    return np.array(rows)


def events(count, **chances):
    made = np.full((count, len(EVENTS)), 0.02, np.float32)
    for name, (first, last, chance) in chances.items():
        made[first:last, EVENTS.index(name.replace("_", "-"))] = chance
    return made


def test_a_frame_is_ten_milliseconds_and_hears_no_further_than_it_says():
    heard = features(np.zeros(1601, np.float32))
    assert heard.shape == (11, WIDTH)
    click = np.zeros(RATE, np.float32)
    click[50 * HOP + HOP // 2] = 0.5
    differs = np.abs(features(click) - features(np.zeros(RATE, np.float32))).max(axis=1) > 1e-3
    assert set(np.flatnonzero(differs)) <= {48, 49, 50, 51, 52} and differs[50]


@pytest.mark.parametrize("hertz", [80, 125, 250, 400])
def test_pitch_of_a_voice(hertz):
    heard = features(vowel(0.5, hertz))[5:-5]
    found = pitch(heard)
    assert np.mean(found > 0) > 0.95
    assert np.median(found) == pytest.approx(RATE / round(RATE / hertz), rel=0.02)


def test_noise_has_no_pitch_and_loudness_is_in_decibels():
    noise = (0.05 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    heard = features(noise)
    assert np.mean(pitch(heard) > 0) < 0.1
    assert np.median(loudness(heard)) == pytest.approx(20 * np.log10(0.05), abs=1.0)
    assert heard[:, :BANDS].std() < 1.0


def test_weights_come_back_as_they_were_written(small, tmp_path):
    save_weights(small, tmp_path / "net.safetensors", "a test")
    again = load_weights(tmp_path / "net.safetensors")
    x = torch.randn(1, 40, WIDTH)
    assert again.config == small.config
    assert torch.allclose(small(x)[0], again(x)[0], atol=0.05)


def test_weights_that_are_none_are_refused(tmp_path):
    (tmp_path / "net.safetensors").write_bytes(b"nothing of the sort")
    with pytest.raises(InputError, match="train speech/phones"):
        load_weights(tmp_path / "net.safetensors")


@pytest.mark.parametrize("limit", [limit for limit in LIMITS if limit])
def test_the_look_ahead_is_kept(small, limit):
    x = torch.randn(1, 120, WIDTH)
    y = x.clone()
    y[:, 80:] += 1.0
    with torch.no_grad():
        same = (small(x, limit)[0] - small(y, limit)[0]).abs().amax(dim=(0, 2)) < 1e-6
    first = int((~same).nonzero()[0])
    assert 80 - first <= limit // 10
    assert small.reach(limit)[1] * PAIR * 10 <= limit


@pytest.mark.parametrize("limit", [limit for limit in LIMITS if limit])
@pytest.mark.parametrize("hop", [160, 640, 1000, 5000])
def test_the_stream_says_what_the_network_says(small, hop, limit):
    rng = np.random.default_rng(1)
    sizes = np.linspace(0.02, 1.5, 2 * RATE)  # ever louder, so that the gain has to follow
    samples = (sizes * (vowel(2.0) + 0.02 * rng.standard_normal(2 * RATE))).astype(np.float32)
    listener = Listener(limit, small)
    frames = [listener.feed(samples[i : i + hop]) for i in range(0, len(samples), hop)] + [listener.finish()]
    assert [part.first for part in frames] == np.cumsum([0, *map(len, frames)])[:-1].tolist()
    padded = np.pad(samples, REACH)
    gains = RunningLevel().feed(frame_levels(padded))
    assert gains.max() > 1.5 * gains.min()
    posterior, events, _ = listen(small, framed_features(padded, gains), limit)
    for told, whole in (("posterior", posterior), ("events", events)):
        said = np.concatenate([getattr(part, told) for part in frames])
        assert len(said) == len(whole)
        # At the end the stream hears silence, and the whole clip nothing.
        assert np.abs(said[:-20] - whole[:-20]).max() < 1e-5
    assert listener.latency <= (limit + 35) / 1000


def test_a_look_ahead_that_was_not_trained_is_refused(small):
    with pytest.raises(InputError, match="60, 120, 240"):
        Listener(100, small)


def test_the_decoder_takes_the_likeliest_and_forgets_flickers():
    said = posterior(("sil", 20, 0.9), ("a", 12, 0.8), ("i", 1, 0.5), ("a", 8, 0.8), ("m", 8, 0.8), ("sil", 20, 0.9))
    phones = decode(said, events(len(said), closed=(41, 49, 0.9)), np.full(len(said), 0.5, np.float32))
    assert phones.names == ("a", "m")
    assert phones.start.tolist() == pytest.approx([0.2, 0.41], abs=0.011)
    assert phones.end[-1] == pytest.approx(0.49, abs=0.011)


def test_an_event_decides_where_the_phones_waver():
    said = posterior(("a", 20, 0.8), ("n", 7, 0.3), ("a", 20, 0.8))
    said[20:27, PHONES.index("m")] = 0.25
    quiet, closed = events(47), events(47, closed=(20, 27, 0.95))
    effort = np.full(47, 0.5, np.float32)
    plain = Weights(closed=0.0, teeth=0.0)
    assert not set(decode(said, quiet, effort, plain).names) & those("bilabial")
    assert "m" in decode(said, closed, effort, plain).names


def test_a_stop_after_a_pause_is_no_longer_than_stops_are():
    said = posterior(("sil", 20, 0.9), ("b", 40, 0.8), ("a", 20, 0.8), ("t", 25, 0.8), ("sil", 10, 0.9))
    phones = decode(said, events(len(said), closed=(20, 60, 0.9)), np.full(len(said), 0.5, np.float32))
    assert phones.names == ("b", "a", "t")
    assert phones.end[0] - phones.start[0] < 0.15 and phones.end[0] == pytest.approx(0.6, abs=0.02)
    assert phones.end[2] - phones.start[2] > 0.2


def test_nothing_and_silence_and_a_broken_sound_say_nothing(small):
    for samples in (np.zeros((1, 0)), np.zeros((1, 100)), np.zeros((2, RATE))):
        heard = recognise(Sound(samples.astype(np.float32), RATE), net=small, device="cpu")
        assert len(heard.posterior) == len(heard.effort) == len(heard.f0) == -(-samples.shape[1] // HOP)
        assert np.isfinite(heard.posterior).all()
    broken = np.full((1, RATE), np.nan, np.float32)
    assert np.isfinite(recognise(Sound(broken, RATE), net=small, device="cpu").posterior).all()


def test_windows_do_not_show(small, monkeypatch):
    from avanim.models.speech import recogniser

    samples = (vowel(9.0) * np.repeat(np.random.default_rng(2).uniform(0.2, 1, 90), 1600)).astype(np.float32)
    sound = Sound(samples[None], RATE)
    whole = recognise(sound, net=small, device="cpu")
    monkeypatch.setattr(recogniser, "_WINDOW", 250)
    parts = recognise(sound, net=small, device="cpu")
    assert np.abs(whole.posterior - parts.posterior).max() < 1e-4
    assert whole.phones.names == parts.phones.names


def test_it_stops_when_told(small):
    def stop(fraction, step):
        raise Cancelled

    with pytest.raises(Cancelled):
        recognise(Sound(vowel()[None], RATE), net=small, progress=stop, device="cpu")


@pytest.mark.skipif(not WEIGHTS.exists(), reason="needs the weights")
def test_the_shipped_network_hears_no_speech_where_there_is_none(song):
    from avanim.models.audio import load_sound

    rng = np.random.default_rng(3)
    noise = (0.1 * rng.standard_normal(4 * RATE)).astype(np.float32)
    hum = (0.2 * np.sin(2 * np.pi * 50 * np.arange(4 * RATE) / RATE)).astype(np.float32)
    for sound in (
        Sound(np.zeros((1, 4 * RATE), np.float32), RATE),
        Sound(noise[None], RATE),
        Sound(hum[None], RATE),
        load_sound(song),
    ):
        heard = recognise(sound, device="cpu")
        assert heard.speech.mean() < 0.35
        assert sum(heard.phones.end - heard.phones.start) < 0.4


@pytest.mark.skipif(not WEIGHTS.exists(), reason="needs the weights")
def test_a_long_file_in_parts_is_heard_as_a_whole(tmp_path):
    rng = np.random.default_rng(4)
    words = [vowel(0.3, 110, f) for f in ((700, 1200, 2600), (300, 2200, 3000), (350, 800, 2400))]
    gaps = [np.zeros(RATE // 10, np.float32)]
    samples = np.concatenate([words[rng.integers(3)] if i % 2 else gaps[0] for i in range(60)])
    save_wav(Sound(samples[None], RATE), tmp_path / "long.wav")
    whole = recognise(Sound(samples[None], RATE), device="cpu")
    parts = list(recognised_parts(tmp_path / "long.wav", part_seconds=4.0, device="cpu"))
    assert [start for start, _ in parts] == [0.0, 4.0, 8.0][: len(parts)]
    assert sum(len(part.posterior) for _, part in parts) == pytest.approx(len(whole.posterior), abs=1)
    speech = np.concatenate([part.speech for _, part in parts])[: len(whole.speech)]
    assert np.mean(np.abs(speech - whole.speech[: len(speech)])) < 0.05
    assert FRAMES == 100
