# SPDX-License-Identifier: GPL-3.0-or-later
"""Visually Indicated Sounds [80]: pictures to sound features by a recurrent network, features to pieces of sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from avanim.models.impact import indicated
from avanim.models.impact.cochleagram import BANDS, FPS, RATE, cochleagram
from avanim.models.impact.foley import Watcher
from avanim.models.impact.foley import save_weights as save_watcher
from avanim.models.impact.indicated import IndicatedNet, learned_ear, onsets, placed, retrieve, sound_of
from avanim.models.impact.indicated_train import Trainer, begin_with, pieces_of, sound_of_clip
from avanim.models.impact.play import played
from avanim.models.impact.shots import MATERIALS, Clip


def clip(material: str, *, slides: bool = False, seed: int = 0, at: float = 0.4) -> Clip:
    """Noise for pictures, of which a brightness says the material; a hit, or a slide."""
    rng = np.random.default_rng(seed)
    kind = MATERIALS.index(material)
    frames = rng.integers(0, 20, (45, 96, 96, 3)).astype(np.uint8) + np.uint8(25 * kind)
    frames[round(at * 30) :, 40:60, 40:60] = 250
    hits = np.zeros(0) if slides else np.array([at])
    sliding = np.zeros(45)
    sliding[10:35] = 0.7 * slides
    return Clip(frames, hits, np.full(len(hits), 2.5), np.full(len(hits), kind), np.full(len(hits), 0.3), sliding, kind)


def test_a_tone_is_in_its_band_and_loudness_is_compressed() -> None:
    clock = np.arange(RATE) / RATE
    tones = {hertz: cochleagram(np.sin(2 * np.pi * hertz * clock)) for hertz in (200, 1000, 4000)}
    bands = [int(gram[20:-20].mean(0).argmax()) for gram in tones.values()]
    assert all(gram.shape == (FPS, BANDS) for gram in tones.values()) and bands == sorted(set(bands))
    half = cochleagram(0.5 * np.sin(2 * np.pi * 1000 * clock))
    assert half[45].max() / tones[1000][45].max() == pytest.approx(0.5**0.3, rel=1e-3)


def test_materials_and_actions_sound_different() -> None:
    still = np.zeros(45)

    def share_late(name: str) -> float:
        """Of the energy of a hit, what comes 0.2 s after it and later."""
        sound = played([0.2], [2.5], [name], [0.3], still, name, 1.2)
        return float((sound[round(0.4 * 48000) :] ** 2).sum() / (sound**2).sum())

    assert share_late("steel") > 20 * share_late("wood") and share_late("glass") > 20 * share_late("cardboard")
    hit = cochleagram(sound_of_clip(clip("wood"))).mean(1)
    slide = cochleagram(sound_of_clip(clip("wood", slides=True))).mean(1)
    assert (slide > 0.3 * slide.max()).mean() > 2 * (hit > 0.3 * hit.max()).mean()


def test_80_what_comes_later_than_the_next_frame_is_not_heard() -> None:
    torch.manual_seed(0)
    net = IndicatedNet().eval()
    frames = torch.rand(1, 20, 3, 96, 96)
    with torch.inference_mode():
        before = net(frames)
        frames[0, 12] = 0
        after = net(frames)
    changed = (before - after).abs().amax(2)[0] > 1e-7
    assert before.shape == (1, 60, indicated.COMPONENTS)
    assert not changed[:33].any() and changed[33:].any()


def test_80_long_shots_are_heard_in_parts_with_the_same_answer() -> None:
    torch.manual_seed(0)
    net = IndicatedNet().eval()
    frames = np.random.default_rng(0).integers(0, 255, (130, 96, 96, 3)).astype(np.uint8)
    whole = net(torch.tensor(frames).permute(0, 3, 1, 2)[None].float() / 255)[0].detach().numpy()
    heard, late = indicated.hear(frames, net, "cpu"), indicated.DELAY * indicated.REPEATS
    assert heard.shape == whole.shape and np.allclose(heard[:-late], whole[late:], atol=1e-4)


def test_80_the_most_similar_piece_of_a_training_sound_is_copied_to_the_onset(tmp_path: Path) -> None:
    clips = [clip(material, seed=n) for n, material in enumerate(("steel", "wood", "glass", "cardboard"))]
    sounds = [sound_of_clip(one, n) for n, one in enumerate(clips)]
    grams = [cochleagram(sound) for sound in sounds]
    pieces = [p for n, (one, sound) in enumerate(zip(clips, sounds, strict=True)) for p in pieces_of(one, sound, n)]
    ear = learned_ear(grams, pieces)
    for number, gram in enumerate(grams):
        components = ear.components(gram)
        at = onsets(components, ear)
        assert len(at) == 1 and abs(at[0] / FPS - 0.4) < 1 / 30
        assert retrieve(components, at, ear).tolist() == [number]
        made, _, chosen = sound_of(components, ear)
        assert ear.kinds[chosen[0]] == f"{MATERIALS[clips[number].material]} hit"
        begin = int(np.flatnonzero(np.abs(made) > 0.02 * np.abs(made).max())[0]) / RATE
        assert begin == pytest.approx(0.4, abs=1 / 30)
    indicated.save_weights(IndicatedNet(), ear, tmp_path / "ear.safetensors")
    _, kept = indicated.load_weights(tmp_path / "ear.safetensors")
    assert kept.kinds == ear.kinds and np.abs(kept.waves - ear.waves).max() < 1e-4


def test_80_a_toy_run_learns_to_hear_pictures() -> None:
    clips = [clip(material, seed=n, at=0.3 + 0.1 * n) for n, material in enumerate(("steel", "wood", "cardboard"))]
    trainer = Trainer(clips, [sound_of_clip(one, n) for n, one in enumerate(clips)])
    first = np.mean([trainer.step(0.0, 2, 30) for _ in range(4)])
    for _ in range(40):
        last = trainer.step(0.0, 2, 30)
    assert last < first - 0.3


def test_80_silence_has_no_onsets_and_what_slides_goes_on() -> None:
    clips = [clip("steel"), clip("wood", slides=True)]
    grams = [cochleagram(sound_of_clip(one, n)) for n, one in enumerate(clips)]
    ear = learned_ear(grams, [p for n, one in enumerate(clips) for p in pieces_of(one, sound_of_clip(one, n), n)])
    assert not len(onsets(ear.components(np.zeros((90, BANDS))), ear))
    lasting = np.zeros((270, BANDS))
    lasting[45:225] = grams[1][60:90].mean(0)
    at, chosen = placed(ear.components(lasting), ear)
    assert abs(int(at[0]) - 45) <= 1 and len(at) >= 3 and at[-1] < 225
    assert {ear.kinds[piece] for piece in chosen} == {"wood slide"}
    struck, _ = placed(ear.components(grams[0]), ear.only("steel"))
    assert len(struck) == 1, "what was hit only rings on"


def test_80_it_may_begin_with_the_towers_that_see_materials(tmp_path: Path) -> None:
    torch.manual_seed(0)
    watcher, net = Watcher(), IndicatedNet()
    save_watcher(watcher, 0.5, tmp_path / "foley.safetensors")
    begin_with(net, tmp_path / "foley.safetensors")
    pictures = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        assert torch.allclose(net.motion(pictures), watcher.eyes.motion(pictures), atol=1e-2)
        assert torch.allclose(net.look.layers(pictures), watcher.eyes.look.layers(pictures), atol=2e-2)
