# SPDX-License-Identifier: GPL-3.0-or-later
"""The published first stages: what makes each of them that system, tested by the number of the paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from avanim.models.audio.formant import demo_sentence
from avanim.models.face import METHODS, TRAINED, generate, lessons
from avanim.models.face.atnet import RECIPE as ATNET
from avanim.models.face.hearing import Source
from avanim.models.face.jalalifar import RECIPE as JALALIFAR
from avanim.models.face.landmarks import MOUTH, MOUTH_18, landmarks
from avanim.models.face.obamanet import LOOK_BACK
from avanim.models.face.obamanet import RECIPE as OBAMANET
from avanim.models.face.recurrent import Recipe, load_weights, mouth
from avanim.models.face.synthesizing import RECIPE as SYNTHESIZING
from avanim.models.speech.corpus import labelled
from avanim.models.speech.spelling import Label
from avanim.rigs.articulation import articulate
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52
from avanim.rigs.phones import Phones
from avanim.rigs.sound import Sound

RECIPES = {recipe.name: recipe for recipe in (OBAMANET, SYNTHESIZING, JALALIFAR, ATNET)}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sentence() -> Sound:
    return demo_sentence().sound


def net_of(recipe: Recipe, inputs: int, outputs: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return recipe.build(inputs, outputs).eval()


def heard_by(recipe: Recipe, frame: int, frames: int = 160) -> np.ndarray:
    """Which frames of sound change what an untrained network says of one frame of the face."""
    inputs = {"obamanet": 26, "atnet": 336}.get(recipe.name, 28)
    net = net_of(recipe, inputs, 6)
    sound = torch.randn(1, frames, inputs, requires_grad=True)
    net(sound, torch.zeros(1, 6))[0, frame + recipe.delay].abs().sum().backward()
    assert sound.grad is not None
    return np.flatnonzero(sound.grad[0].abs().sum(1).numpy() > 1e-12)


def test_94_obamanet_waits_200_ms_and_hears_50_steps():
    frames = heard_by(OBAMANET, 80)
    assert OBAMANET.fps == 100 and OBAMANET.delay == 20
    assert frames.max() == 100 and frames.min() == 100 - LOOK_BACK + 1
    assert len(MOUTH) == 20 and OBAMANET.points == MOUTH and OBAMANET.components == 8


def test_94_points_moved_by_hand_move_the_mouth():
    face = landmarks().only(MOUTH)
    rest = face.rest[None]
    lower = [i for i, point in enumerate(MOUTH) if point in (55, 56, 57, 58, 59, 65, 66, 67)]
    moved = rest.copy()
    moved[0, lower, 1] -= 0.25  # the lower lip a quarter of the mouth's width down
    still, opened = face.weights(rest)[0], face.weights(moved)[0]
    assert still.max() < 0.01
    assert opened[ARKIT_52.index("jawOpen")] > 0.15
    assert np.abs(face.points(opened[None])[0] - moved[0]).max() < 0.12


def test_95_synthesizing_is_one_layer_of_60_that_waits_200_ms():
    frames = heard_by(SYNTHESIZING, 80)
    # Its state runs through all that was, more and more faintly.
    assert frames.max() == 100 and frames.min() < 100 - LOOK_BACK
    net = net_of(SYNTHESIZING, 28, 20)
    assert net.lstm.num_layers == 1 and net.lstm.hidden_size == 60 and not net.lstm.bidirectional
    assert len(MOUTH_18) == 18 and SYNTHESIZING.components == 20


def test_97_jalalifar_hears_both_ways_and_knows_nothing_of_a_renderer(sentence):
    frames = heard_by(JALALIFAR, 80)
    assert frames.min() < 50 and frames.max() > 110
    assert JALALIFAR.components is None  # landmarks themselves
    made = [mouth(JALALIFAR, Source.of_sound(sentence), 30.0) for _ in range(2)]
    assert np.array_equal(*made)


def test_101_atnet_moves_the_face_that_it_is_shown():
    net = net_of(ATNET, 336, 6)
    sound = torch.randn(1, 16, 336)
    one, other = torch.zeros(1, 6), torch.ones(1, 6)
    with torch.inference_mode():
        difference = (net(sound, other) - net(sound, one)).mean(1)[0]
    assert difference.mean() > 0.5  # the resting face goes through
    assert len(ATNET.points) == 68 and ATNET.components == 6 and net.lstm.num_layers == 3
    assert ATNET.hears(Sound(np.zeros((1, 16000), np.float32), 16000)).shape == (25, 28 * 12)


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_method_opens_the_mouth_for_speech(name, sentence):
    recipe = RECIPES[name]
    learned = load_weights(recipe)
    assert learned.points(recipe, sentence, CPU).shape[1:] == (len(recipe.points), 2)
    face = generate(sentence, method=name, fps=25.0, seed=3)
    jaw = face.track.weights[:, ARKIT_52.index("jawOpen")]
    assert len(face.track) == round(sentence.seconds * 25)
    assert jaw.max() > 0.08 and jaw.std() > 0.02
    assert face.settings["method"] == name


def test_points_of_articulated_speech_give_its_weights_back():
    phones = Phones.of([(0.1, 0.3, "m"), (0.3, 0.6, "aa"), (0.6, 0.8, "u"), (0.8, 1.0, "f"), (1.0, 1.2, "i")])
    weights = articulate(phones, 1.4, 50.0)
    face = landmarks().only(MOUTH)
    back = face.weights(face.points(weights))
    for shape in ("jawOpen", "mouthPucker", "mouthFunnel"):
        at = ARKIT_52.index(shape)
        assert np.corrcoef(weights[:, at], back[:, at])[0, 1] > 0.9, shape
    assert np.abs(face.points(back) - face.points(weights)).max() < 0.03


@pytest.fixture
def one_thread():
    """Small steps on a busy machine: threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_toy_training_learns_and_its_file_is_read_back(tmp_path, sentence, one_thread):
    rng = np.random.default_rng(0)
    clips = []
    for number in range(3):
        labels = [Label(k * 0.2, k * 0.2 + 0.2, name) for k, name in enumerate(["aa", "m", "u", "sil"] * 3)]
        times = np.arange(round(2.4 * 16000)) / 16000
        loud = np.interp(times, np.arange(12) * 0.2 + 0.1, [1, 0.1, 0.4, 0.0] * 3)
        tone = 6000 * loud * np.sin(2 * np.pi * (150 + 20 * number) * times)
        samples = (tone + rng.normal(0, 5, len(times))).astype(np.int16)
        clips.append(labelled("tts", f"voice {number}", "it" if number == 2 else "en", samples, labels, False))
    out = tmp_path / "toy.safetensors"
    small = replace(SYNTHESIZING, batch=8, sequence=60)
    made = lessons.train(small, tmp_path, out, steps=50, clips=clips)
    assert made["error"]["articulated"] < made["still"]["articulated"]
    learned = load_weights(SYNTHESIZING, out)
    assert learned.points(SYNTHESIZING, sentence, CPU).shape[1:] == (18, 2)
    with pytest.raises(InputError, match="face/obamanet"):
        load_weights(OBAMANET, out)


def test_every_method_is_listed_with_its_paper():
    assert next(iter(METHODS)) == "articulator" and set(TRAINED) == set(RECIPES)
    for method in METHODS.values():
        assert method.title and method.reference
