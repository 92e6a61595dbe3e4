# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio to Body Dynamics: the delay, what it has learned, and hands that are on the instrument."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avanim.models.dance.body_dynamics import (  # noqa: E402
    DELAY,
    FEATURES,
    FPS,
    PARTS,
    DelayedLSTM,
    Head,
    Player,
    features,
    generate,
    load_weights,
    onset_times,
    save_weights,
)
from avanim.models.dance.body_dynamics_train import errors, fit, performed, practice, prepare  # noqa: E402
from avanim.rigs.beats import Beats  # noqa: E402
from avanim.rigs.characters import load_character  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.job import silent  # noqa: E402
from avanim.rigs.playing import Piano, play_piano  # noqa: E402
from avanim.rigs.playing.piano import KEY_DIP, SHORTER  # noqa: E402
from avanim.rigs.playing.points import points_of  # noqa: E402
from avanim.rigs.skeleton import Rest  # noqa: E402

UNHEARD = 1000  # a seed that training does not use
CPU = torch.device("cpu")
BEATS = Beats(np.arange(0.5, 8, 0.5), np.arange(15) % 4, 120.0, 4)


@pytest.fixture(scope="module")
def rest():
    try:
        return load_character("neutral", "smplx55").rest()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(1)
    sizes = {"body": 24, "left": 30, "right": 30}
    heads = {name: Head(np.zeros(n), np.eye(n), np.ones(n)) for name, n in sizes.items()}
    nets = {name: DelayedLSTM(n).eval() for name, n in sizes.items()}
    return Player(nets, heads, np.zeros(FEATURES), np.ones(FEATURES))


def test_91_a_pose_hears_the_sound_up_to_the_delay_and_no_further(untrained):
    heard = np.random.default_rng(0).normal(size=(60, FEATURES)).astype(np.float32)
    before = untrained.points(heard, CPU)
    for ahead, changes in ((DELAY, True), (DELAY + 1, False)):
        other = heard.copy()
        other[30 + ahead] += 1.0
        after = untrained.points(other, CPU)
        for name in PARTS:
            assert bool(np.abs(after[name][30] - before[name][30]).max() > 1e-9) is changes


def test_91_the_delay_improves_what_is_learned_of_a_hand_that_must_arrive_in_time(rest):
    """On pieces of one instrument, small: the hand is on its way before the note sounds."""
    pieces = [prepare("piano", seed, rest, 12.0) for seed in range(6)]
    for piece in pieces:  # only how the hands travel: their places, now and in a sixth of a second
        wrists = piece.points["body"].reshape(-1, 8, 3)[:, 6:, 1]
        piece.points["body"] = np.diff(wrists, axis=0, append=wrists[-1:]) * 30
    found = {}
    for delay in (0, DELAY):
        player = fit(pieces[:4], steps=150, batch=8, delay=delay, names=("body",))
        said = [player.points(piece.sound, CPU)["body"] for piece in pieces[4:]]
        found[delay] = np.mean([np.mean((s - p.points["body"]) ** 2) for s, p in zip(said, pieces[4:], strict=True)])
    assert found[DELAY] < 0.97 * found[0]


def test_91_the_key_points_drive_a_figure_whose_fingers_are_on_the_keys(rest):
    notes = practice("piano", UNHEARD, 8.0)
    sound = performed("piano", notes, UNHEARD)
    motion, details = generate(sound, BEATS, rest, style="piano", seed=1, fps=30.0, device="cpu", progress=silent)
    assert details["instrument"] == "piano"
    assert motion.skeleton == "smplx55" and motion.seconds == pytest.approx(sound.seconds, abs=0.1)
    body, left, right = points_of(motion, rest)
    pelvis = rest.joints[0] + motion.trans
    tips = np.concatenate(
        [left[:, 5:] + (body[:, 6] + pelvis)[:, None], right[:, 5:] + (body[:, 7] + pelvis)[:, None]], 1
    )
    tips[..., 2] += np.tile(SHORTER, 2)
    keys = Piano(rest).key(np.arange(21, 109)) - [0, KEY_DIP, 0]
    frames = np.minimum(np.round(onset_times(sound) * 30).astype(int) + 1, len(motion) - 1)
    away = np.linalg.norm(tips[frames][:, :, None] - keys, axis=-1).min(axis=(1, 2))
    assert np.median(away) < 0.002 and np.quantile(away, 0.9) < 0.008
    # It heard where: the right hand goes where a pianist's goes.
    played = points_of(play_piano(notes, rest, FPS, len(motion) / FPS), rest)[0]
    count = min(len(played), len(body))
    assert np.corrcoef(played[:count, 7, 0], body[:count, 7, 0])[0, 1] > 0.6


def test_what_ships_is_nearer_than_the_mean_posture(rest):
    players = load_weights()
    assert set(players) == {"piano", "violin"}
    for instrument, player in players.items():
        scores = errors(player, [prepare(instrument, UNHEARD + n, rest, 20.0) for n in range(3)])
        for name in PARTS:
            assert scores[name]["mm"] < 0.95 * scores[name]["mean_pose_mm"], (instrument, name)


def test_the_same_sound_softer_is_played_the_same():
    sound = performed("piano", practice("piano", 5, 6.0), 5)
    softer = type(sound)(sound.samples * 0.2, sound.rate, sound.layout)
    np.testing.assert_allclose(features(sound), features(softer), atol=0.2)


def test_weights_are_kept(tmp_path, untrained):
    save_weights({"piano": untrained}, tmp_path / "w.safetensors")
    again = load_weights(tmp_path / "w.safetensors")["piano"]
    heard = np.random.default_rng(0).normal(size=(20, FEATURES)).astype(np.float32)
    np.testing.assert_allclose(again.points(heard, CPU)["left"], untrained.points(heard, CPU)["left"], atol=5e-3)
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="Cannot read the weights"):
        load_weights(tmp_path / "w.safetensors")


def test_a_body_without_fingers_is_refused():
    sound = performed("piano", practice("piano", 5, 6.0), 5)
    with pytest.raises(InputError, match="fingers"):
        generate(sound, BEATS, Rest.average(), style="piano", seed=1, fps=30.0, progress=silent)
