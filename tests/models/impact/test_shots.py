# SPDX-License-Identifier: GPL-3.0-or-later
"""Films as a network sees them, and what it is told about rendered clips."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from avanim.models.impact import foley, foley_score
from avanim.models.impact.foley_train import Trainer, augmented, best_threshold
from avanim.models.impact.shots import FPS, MATERIALS, SIZE, Clip, load_clip, load_clips, load_shot, squared
from avanim.models.impact.towers import FEATURES, Eyes, moving, space_time
from avanim.rigs.errors import InputError
from avanim.rigs.npz import save_npz


def film(path: Path, pictures: np.ndarray, fps: int) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = pictures.shape[2], pictures.shape[1], "yuv420p"
        stream.bit_rate = 4_000_000
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


def falling(seed: int, count: int = 40) -> Clip:
    """A white square that falls and stays; it hits in the frame in which it arrives."""
    rng = np.random.default_rng(seed)
    hit, x = int(rng.integers(8, count - 8)), int(rng.integers(10, 70))
    frames = np.full((count, SIZE, SIZE, 3), 40, np.uint8)
    for frame in range(count):
        y = 80 - max(0, 4 * (hit - frame))
        if y > -16:
            frames[frame, max(0, y) : y + 14, x : x + 14] = 220
    material = seed % 2
    frames[..., 2] = np.where(frames[..., 2] > 100, 220 * material, frames[..., 2])
    return Clip(frames, np.array([hit / FPS]), np.array([2.0]), np.array([material]), np.array([0.3]), np.zeros(count),
                material)  # fmt: skip


def test_a_film_of_any_shape_and_rate_is_thirty_squares_a_second(tmp_path: Path) -> None:
    pictures = np.zeros((50, 90, 160, 3), np.uint8)
    pictures[:, :45] = 200
    pictures[25:] = 255 - pictures[25:]
    frames, seconds = load_shot(film(tmp_path / "shot.mp4", pictures, 25))
    assert frames.shape == (pytest.approx(60, abs=1), SIZE, SIZE, 3) and seconds == pytest.approx(2, abs=0.05)
    # Light above, dark below, also in the bars; the other way round in the second half.
    assert frames[5, :30].min() > 150 and frames[5, -30:].max() < 60
    assert frames[-5, :30].max() < 60 and frames[-5, -30:].min() > 150
    assert squared(np.zeros((200, 20, 3), np.uint8)).shape == (SIZE, SIZE, 3)


def test_what_is_no_film_is_said_in_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    short = film(tmp_path / "short.mp4", np.zeros((2, 64, 64, 3), np.uint8), 30)
    for path, said in ((tmp_path / "none.mp4", "no film"), (text, "as a film"), (empty, "as a film"),
                       (short, "fewer than three")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            load_shot(path)


def test_a_truncated_film_gives_what_it_has(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.avi", np.random.default_rng(0).integers(0, 255, (60, 64, 64, 3), np.uint8), 30)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    frames, _ = load_shot(cut)
    assert 20 < len(frames) < 60


def test_clips_are_read_and_others_refused(tmp_path: Path) -> None:
    good = {
        "frames": np.zeros((10, SIZE, SIZE, 3), np.uint8), "times": np.array([0.1, 0.2]), "fps": np.float64(30),
        "strengths": np.array([1.0, 2.0]), "bodies": np.array([1, 1]), "slides": np.zeros((2, 10)),
        "materials": np.array(["steel", "wood"]), "sizes": np.array([0.1, 0.2]),
    }  # fmt: skip
    save_npz(tmp_path / "train-0000.npz", **good)
    clip = load_clip(tmp_path / "train-0000.npz")
    assert clip.material == MATERIALS.index("wood") and clip.sizes.tolist() == [0.2, 0.2]
    assert len(load_clips(tmp_path, "train")) == 1
    with pytest.raises(InputError, match="no clips test"):
        load_clips(tmp_path, "test")
    save_npz(tmp_path / "bad.npz", **{**good, "materials": np.array(["cheese", "wood"])})
    with pytest.raises(InputError, match="no rendered clip"):
        load_clip(tmp_path / "bad.npz")


def test_hits_are_matched_once_within_a_frame() -> None:
    true, said = np.array([1.0, 1.05, 2.0, 3.0]), np.array([1.02, 2.045, 2.9])
    pairs, counts = foley_score.matched(true, said)
    assert pairs == [(0, 0), (2, 1)] and counts == (2, 2, 1)
    assert foley_score.f1_of(*counts) == pytest.approx(4 / 7)
    assert foley_score.f1_of(0, 0, 0) == 1 and foley_score.f1_of(0, 3, 0) == 0


def test_a_standing_picture_shows_no_motion_and_the_towers_see_one_frame_around() -> None:
    torch.manual_seed(0)
    frames = torch.rand(1, 1, 3, 32, 32).expand(1, 12, 3, 32, 32).clone()
    seen = space_time(frames)
    assert torch.allclose(seen[0, 4, 0], torch.full((16, 16), 0.5)) and torch.allclose(seen[0, 4, 0], seen[0, 4, 2])
    eyes = Eyes().eval()
    with torch.inference_mode():
        before = eyes(frames)
        frames[0, 7] += 0.5
        after = eyes(frames)
    changed = (before - after)[..., FEATURES:].abs().amax(2)[0] > 1e-6
    assert changed.tolist() == [i in (6, 7, 8) for i in range(12)]


def test_what_moves_now_and_what_is_not_always_there_is_looked_at() -> None:
    frames = torch.zeros(1, 12, 3, 96, 96)
    for frame in range(12):  # comes down for six frames, then lies
        top = 8 * min(frame, 6)
        frames[0, frame, :, top : top + 16, 40:56] = 1
    weights = moving(frames)
    assert weights.shape == (1, 12, 2, 24, 24)
    assert weights[0, 4, 0, 8:12, 10:14].mean() > 3 * weights[0, 4, 0].mean()
    assert weights[0, 11, 0].max() == 0 and weights[0, 2, 1, 4:8, 10:14].mean() > 3 * weights[0, 2, 1].mean()


def test_a_toy_run_learns_when_and_what_falls_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    clips = [falling(seed) for seed in range(8)]
    trainer = Trainer(clips)
    first = np.mean([trainer.step(0.0, 2, 30) for _ in range(4)])
    for _ in range(86):
        trainer.step(0.0, 2, 30)
    trainer.save(tmp_path / "run.pt")
    again = Trainer(clips)
    again.resume(tmp_path / "run.pt")
    assert again.done == 90 and again.step(0.1, 2, 30) == pytest.approx(trainer.step(0.1, 2, 30), rel=1e-4)
    assert np.mean([trainer.step(0.1, 2, 30) for _ in range(4)]) < 0.7 * first
    unseen = [falling(seed) for seed in range(20, 26)]
    net = trainer.net.eval()
    threshold = best_threshold(net, clips[:3])
    said = [foley.watch(clip.frames, net, threshold, "cpu") for clip in unseen]
    nothing = foley_score.figures(unseen, foley_score.mean_guess(unseen, clips))
    assert foley_score.figures(unseen, said)["f1"] > max(0.5, nothing["f1"])
    foley.save_weights(net, threshold, tmp_path / "net.safetensors")
    kept, _ = foley.load_weights(tmp_path / "net.safetensors")
    alike = foley.watch(unseen[0].frames, kept, threshold, "cpu")
    assert np.allclose(alike.times, said[0].times, atol=0.01)


def test_augmentation_keeps_time_and_range() -> None:
    clip = falling(3)
    made = augmented(clip.frames, np.random.default_rng(1))
    assert made.shape == clip.frames.shape and made.dtype == np.float32 and made.min() >= 0 and made.max() <= 1
    blocks = made.reshape(len(made), 12, 8, 12, 8, 3).mean((2, 4, 5))  # in which the grain is averaged away
    moved = np.abs(np.diff(blocks, axis=0)).mean((1, 2))
    still = round(clip.times[0] * FPS) + 1
    assert moved[still:].mean() < 0.5 * moved[max(0, still - 8) : still - 1].mean()


def test_long_shots_are_watched_in_parts_with_the_same_answer() -> None:
    torch.manual_seed(1)
    net = foley.Watcher().eval()
    frames = np.concatenate([falling(seed).frames for seed in range(5)])
    whole = net(torch.tensor(frames).permute(0, 3, 1, 2)[None].float() / 255)
    seen = foley.watch(frames, net, 0.0, "cpu")
    slides = torch.sigmoid(whole["slide"][0]).detach().numpy()
    assert len(seen.slides) == len(frames)
    assert np.abs(seen.slides - slides).mean() < 0.02
