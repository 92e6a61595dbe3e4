# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from avanim.models.face import generate
from avanim.models.face.calibrate import FITTED, Captured, captured_faces, compared, fit, written
from avanim.models.face.hearing import Voice
from avanim.rigs.articulation_poses import CHANNELS, Poses, default_poses
from avanim.rigs.errors import InputError
from avanim.rigs.face import ARKIT_52
from avanim.rigs.phones import PHONES, Phones

JAW = CHANNELS.index("jawOpen")


def speaker(poses, seed, count=400):
    """Somebody whose face moves exactly as `poses` say, with a capture that comes late."""
    rng = np.random.default_rng(seed)
    rows, at = [], 0.3
    for _ in range(count):
        long = rng.uniform(0.06, 0.14)
        rows.append((at, at + long, str(rng.choice(["t", "a", "i", "n", "o", "k", "s", "u"]))))
        at += long
    phones, seconds = Phones.of(rows), at + 0.3
    steady = np.full(int(seconds * 100), 0.5)
    face = Captured("s", np.zeros((int(seconds * 30), 52)), 30.0, phones, seconds, steady - 30, steady)
    return replace(face, weights=face.made(poses))


def test_what_a_speaker_does_is_found_again():
    table = default_poses()
    targets = table.targets.copy()
    targets[PHONES.index("a"), JAW], targets[PHONES.index("t"), JAW] = 0.62, 0.20
    theirs = replace(table, targets=targets)
    found = fit(table, [speaker(theirs, 0)], prior=2.0)
    assert found.targets[PHONES.index("a"), JAW] == pytest.approx(0.62, abs=0.05)
    assert found.targets[PHONES.index("t"), JAW] == pytest.approx(0.20, abs=0.04)
    # What was never said stays.
    assert found.targets[PHONES.index("ae"), JAW] == pytest.approx(table.targets[PHONES.index("ae"), JAW], abs=1e-6)
    other = speaker(theirs, 1)
    before, after = (compared(poses, [other])["jawOpen"] for poses in (table, found))
    assert after["r"] > before["r"] > before["r_loudness"]


def test_a_fitted_table_can_be_read(tmp_path):
    table = default_poses()
    found = fit(table, [speaker(replace(table, targets=table.targets * 1.5), 0)])
    path = tmp_path / "mine.toml"
    path.write_text(written(found, table))
    mine = Poses.read(path)
    places = [CHANNELS.index(shape) for shape in FITTED]
    assert np.abs(mine.targets - found.targets)[:, places].max() < 0.051
    assert np.abs(mine.targets - table.targets).max() > 0.1


def test_folders_that_hold_no_capture(tmp_path):
    with pytest.raises(InputError, match="no captured faces"):
        captured_faces(tmp_path)
    np.savez(tmp_path / "a.npz", other=np.zeros(3))
    (tmp_path / "a.flac").write_bytes(b"x")
    with pytest.raises(InputError, match="is no captured face"):
        captured_faces(tmp_path)


def test_a_face_speaks_with_a_table_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[phone."a"]\njawOpen = 0.9\n')
    voice = Voice.silent(Phones.of([(0.2, 0.5, "a")]), 1.0)
    plain, mine = (generate(None, voice=voice, **wish).track.weights for wish in ({}, {"poses": str(path)}))
    jaw = ARKIT_52.index("jawOpen")
    assert mine[:, jaw].max() > 0.8 > 0.6 > plain[:, jaw].max()
    with pytest.raises(InputError, match="no file"):
        generate(None, voice=voice, poses=str(tmp_path / "none.toml"))
