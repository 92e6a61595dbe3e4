# SPDX-License-Identifier: GPL-3.0-or-later
"""Musicians: fingers are where the notes are when they sound."""

import itertools

import numpy as np
import pytest
from avanim.rigs.characters import load_character
from avanim.rigs.errors import InputError
from avanim.rigs.motion_metrics import hyperextension_rate
from avanim.rigs.playing import Note, Piano, Violin, play_piano, play_violin
from avanim.rigs.playing.piano import KEY_DIP, SHORTER
from avanim.rigs.playing.points import body_from_points, points_of
from avanim.rigs.playing.violin import STRINGS
from avanim.rigs.skeleton import Rest

FPS = 60.0
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


@pytest.fixture(scope="module")
def rest():
    try:
        return load_character("neutral", "smplx55").rest()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def piano_notes():
    melody = [Note(0.5 + 0.3 * i, 0.28, pitch + 12, 0.7, "right") for i, pitch in enumerate(SCALE + SCALE[::-1])]
    chords = [Note(0.5 + 1.2 * i, 1.0, pitch, 0.6, "left")
              for i, chord in enumerate([(48, 52, 55), (43, 47, 50), (45, 48, 52)]) for pitch in chord]  # fmt: skip
    return melody + chords


@pytest.fixture(scope="module")
def violin_notes():
    pitches = (55, 57, 59, 60, 62, 64, 67, 69, 72, 74, 76, 79, 81, 76, 69, 62, 57)
    return [Note(0.5 + 0.4 * i, 0.36, pitch) for i, pitch in enumerate(pitches)]


def tips(motion, rest, side):
    hand = points_of(motion, rest)[1 if side == "left" else 2]
    wrist = points_of(motion, rest)[0][:, 6 if side == "left" else 7]
    pelvis = rest.joints[0] + motion.trans
    return hand[:, 5:] + (wrist + pelvis)[:, None]


def test_a_finger_is_on_its_key_when_the_note_sounds_and_off_it_before(rest, piano_notes):
    motion, piano = play_piano(piano_notes, rest, FPS), Piano(rest)
    fingers = {side: tips(motion, rest, side) for side in ("left", "right")}
    aside = np.stack([0 * SHORTER, 0 * SHORTER, SHORTER], -1)
    down, before = [], []
    for note in piano_notes:
        frame = round((note.start + 0.03) * FPS)
        key = piano.key(note.pitch) - [0, KEY_DIP, 0]
        away = np.linalg.norm(fingers[note.hand] + aside - key, axis=-1)
        finger = int(away[frame].argmin())
        down.append(away[frame, finger])
        before.append(fingers[note.hand][frame - round(0.1 * FPS), finger, 1] - key[1])
    assert np.median(down) < 0.001 and max(down) < 0.005
    assert min(before) > KEY_DIP


def test_a_scale_is_fingered_as_it_is_taught(rest):
    """C major, right hand, upwards: 1 2 3 1 2 3 4 5, the thumb passing under."""
    notes = [Note(0.5 + 0.3 * i, 0.28, pitch, 0.7, "right") for i, pitch in enumerate(SCALE)]
    fingers, piano = tips(play_piano(notes, rest, FPS), rest, "right"), Piano(rest)
    aside = np.stack([0 * SHORTER, 0 * SHORTER, SHORTER], -1)
    used = []
    for note in notes:
        frame = round((note.start + 0.05) * FPS)
        used.append(int(np.linalg.norm(fingers[frame] + aside - piano.key(note.pitch), axis=-1).argmin()) + 1)
    assert used == [1, 2, 3, 1, 2, 3, 4, 5]


def test_low_notes_lie_to_the_players_left_and_black_keys_higher_and_further_back(rest):
    piano = Piano(rest)
    c, c_sharp, d = piano.key(np.array([60, 61, 62]))
    assert c[0] > c_sharp[0] > d[0] and c_sharp[1] > c[1] and c_sharp[2] > c[2]
    assert c[0] - piano.key(72)[0] == pytest.approx(7 * 0.0235)


def test_a_violinists_finger_stops_the_string_where_the_pitch_is(rest, violin_notes):
    motion, violin = play_violin(violin_notes, rest, FPS), Violin(rest)
    positions, turned = rest.forward(motion.poses, motion.trans)
    spine = rest.skeleton.index("spine3")
    fingers = tips(motion, rest, "left")
    away = []
    for note in violin_notes:
        frame = round((note.start + 0.15) * FPS)
        stops = [violin.stop(note.pitch, s) for s, low in enumerate(STRINGS) if 0 < note.pitch - low < 8]
        places = [positions[frame, spine] + turned[frame, spine] @ stop for stop in stops]
        if note.pitch not in STRINGS:
            away.append(min(np.linalg.norm(fingers[frame] - place, axis=-1).min() for place in places))
    assert np.median(away) < 0.001 and max(away) < 0.008
    octave = violin.bridge - violin.stop(67, 0)
    assert np.linalg.norm(octave) == pytest.approx(0.325 / 2, abs=0.01)


def test_the_bow_changes_direction_from_note_to_note(rest, violin_notes):
    motion = play_violin(violin_notes, rest, FPS)
    hand = points_of(motion, rest)[0][:, 7]
    ways = [hand[round((n.start + n.seconds) * FPS)] - hand[round(n.start * FPS)] for n in violin_notes[:6]]
    turns = [a @ b for a, b in itertools.pairwise(ways)]
    assert all(turn < 0 for turn in turns)


@pytest.mark.parametrize("play", [play_piano, play_violin])
def test_nothing_bends_the_wrong_way_and_the_feet_stay(rest, piano_notes, violin_notes, play):
    motion = play(piano_notes if play is play_piano else violin_notes, rest, FPS)
    assert max(hyperextension_rate(motion, rest).values()) == 0
    positions, _ = rest.forward(motion.poses, motion.trans)
    for side in ("left", "right"):
        ankle = positions[:, rest.skeleton.index(f"{side}_ankle")]
        assert np.ptp(ankle, axis=0).max() < 1e-6
        assert ankle[0, 1] == pytest.approx(rest.joints[rest.skeleton.index(f"{side}_ankle"), 1] - rest.floor, abs=0.01)


@pytest.mark.parametrize("instrument", ["piano", "violin"])
def test_points_of_a_player_become_the_player_again(rest, piano_notes, violin_notes, instrument):
    notes = piano_notes if instrument == "piano" else violin_notes
    motion = (play_piano if instrument == "piano" else play_violin)(notes, rest, 30.0)
    points = points_of(motion, rest)
    again = points_of(body_from_points(points, rest, 30.0, instrument, [n.start for n in notes]), rest)
    for before, after in zip(points, again, strict=True):
        assert np.linalg.norm(before - after, axis=-1).mean() < 0.008


def test_what_cannot_be_played_is_said(rest):
    with pytest.raises(InputError, match="no note"):
        play_piano([], rest)
    with pytest.raises(InputError, match="no pitch 40"):
        play_violin([Note(0, 1, 40)], rest)
    with pytest.raises(InputError, match="fingers"):
        play_piano([Note(0, 1, 60)], Rest.average())
    with pytest.raises(InputError, match="harp"):
        body_from_points((np.zeros((3, 8, 3)), np.zeros((3, 10, 3)), np.zeros((3, 10, 3))), rest, 30.0, "harp")
