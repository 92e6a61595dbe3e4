# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections and energy, on songs whose form is known."""

from __future__ import annotations

import numpy as np
import pytest
from avanim.models.audio.composer import compose
from avanim.models.audio.formant import demo_sentence
from avanim.models.audio.structure import SILENCE, analyse
from avanim.rigs.beats import Beats
from avanim.rigs.sound import Sound


@pytest.mark.parametrize(("style", "bpm"), [("house", 124), ("waltz", 150), ("disco", 118)])
def test_sections_of_a_song_are_found(style, bpm):
    song = compose(style, bpm, 40, 1, rate=22050, stereo=False)
    found = analyse(song.sound, song.beats)
    starts = np.array([section.first for section in found.sections])
    metre = song.beats.metre
    hits = [np.abs(starts - section.first_beat).min() <= metre for section in song.sections]
    assert np.mean(hits) >= 0.8 and len(starts) <= len(song.sections) + 3
    choruses = [section for section in song.sections if section.name == "chorus"]
    labels = {
        next(one.label for one in reversed(found.sections) if one.first <= chorus.first_beat + 2 * metre)
        for chorus in choruses
    }
    assert len(labels) == 1, "both choruses are one letter"


def test_sections_cover_all_beats_and_begin_on_downbeats():
    song = compose("pop", 100, 24, 2, rate=22050, stereo=False)
    found = analyse(song.sound, song.beats)
    edges = [section.first for section in found.sections] + [found.sections[-1].last]
    assert edges[0] == 0 and edges[-1] == len(song.beats.times) and (np.diff(edges) > 0).all()
    assert (song.beats.positions[edges[1:-1]] == 0).all()


def test_energy_follows_the_music():
    song = compose("house", 124, 32, 3, [("intro", 8), ("chorus", 8), ("break", 8), ("chorus", 8)], 22050, False)
    energy = analyse(song.sound, song.beats).energy[:128].reshape(4, 32).mean(axis=1)
    assert min(energy[1], energy[3]) > max(energy[0], energy[2]) + 0.08
    assert ((energy >= 0) & (energy <= 1)).all()


def test_loudness_of_the_file_does_not_matter():
    song = compose("pop", 100, 12, 2, rate=22050, stereo=False)
    quiet = Sound(song.sound.samples * 0.1, song.sound.rate)
    assert np.allclose(analyse(quiet, song.beats).energy, analyse(song.sound, song.beats).energy, atol=0.02)


def test_a_silence_is_a_section_of_its_own():
    song = compose("pop", 120, 16, 2, rate=22050, stereo=False)
    samples = song.sound.samples.copy()
    samples[:, int(10.25 * 22050) : int(18.25 * 22050)] = 0
    found = analyse(Sound(samples, 22050), song.beats)
    (hole,) = [section for section in found.sections if section.label == SILENCE]
    assert abs(song.beats.times[hole.first] - 10.25) < 1.1 and abs(song.beats.times[hole.last] - 18.25) < 1.1
    assert hole.energy == 0 and hole.name == "silence"


def test_speech_and_the_shortest_music_have_one_section_or_few():
    speech = demo_sentence(22050).sound
    grid = np.arange(0.0, speech.seconds, 0.5)
    found = analyse(speech, Beats(grid, np.arange(len(grid)) % 4, 120.0, 4, 0.0))
    assert 1 <= len(found.sections) <= 4 and np.isfinite(found.energy).all()
    one = analyse(speech.within(0, 0.4), Beats(np.array([0.1]), np.array([0]), 120.0, 4))
    assert len(one.sections) == 1 and len(one.energy) == 1
