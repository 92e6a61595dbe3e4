# SPDX-License-Identifier: GPL-3.0-or-later
"""The spectral front end: onset strength in bands, chroma, and the acoustic features of the dance methods."""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from ...rigs.sound import Sound
from .load import resampled

ONSET_RATE = 22050
ONSET_HOP = 220
ONSET_FPS = ONSET_RATE / ONSET_HOP
_PIECE = 4000  # frames
ONSET_EDGES = (0.0, 160.0, 500.0, 2000.0, 5000.0, 10000.0)  # Hz: kick and bass, chords, voice, attack, cymbals

MELODY_RATE = 12800
MELODY_HOP = 512
MELODY_FPS = MELODY_RATE / MELODY_HOP  # 25
MELODY_FEATURES = 16


def spectrogram(sound: Sound) -> NDArray[np.float32]:
    """(513, T) magnitudes at ONSET_FPS of the mono sound at 22 050 Hz; frame t is centred on t / ONSET_FPS s."""
    samples = resampled(sound, ONSET_RATE).mono()
    padded = np.pad(samples, (512, 512 + max(0, 1024 - len(samples))))
    magnitudes = np.empty((513, 1 + (len(padded) - 1024) // ONSET_HOP), np.float32)
    # Piece by piece: the complex spectrum of a long song would take twice as much memory again.
    for first in range(0, magnitudes.shape[1], _PIECE):
        last = min(first + _PIECE, magnitudes.shape[1])
        piece = padded[first * ONSET_HOP : (last - 1) * ONSET_HOP + 1024]
        magnitudes[:, first:last] = np.abs(librosa.stft(piece, n_fft=1024, hop_length=ONSET_HOP, center=False))
    return magnitudes


def onset_bands(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, T) onset strength in the bands of ONSET_EDGES, from `spectrogram`.

    The rise of the log-mel spectrum over two frames, against a maximum over neighbouring mel bands so that vibrato is
    no onset (SuperFlux: Böck and Widmer, DAFx 2013).
    """
    bands = 64
    mel = librosa.filters.mel(sr=ONSET_RATE, n_fft=1024, n_mels=bands, fmin=30, fmax=10000) @ magnitudes
    level = np.log1p(20.0 * mel / (mel.mean() + 1e-9))
    rise = np.zeros_like(level)
    rise[:, 2:] = np.maximum(0.0, level[:, 2:] - maximum_filter1d(level, 3, axis=0)[:, :-2])
    centres = librosa.mel_frequencies(bands + 2, fmin=30, fmax=10000)[1:-1]
    which = np.digitize(centres, ONSET_EDGES) - 1
    return np.stack([rise[which == band].mean(axis=0) for band in range(len(ONSET_EDGES) - 1)])


def levelled(onsets: NDArray[np.float32], fps: float = ONSET_FPS) -> NDArray[np.float32]:
    """Onset strength (…, T) less its mean over 1 s and over its RMS within 8 s: quiet parts count like loud ones."""
    mean = uniform_filter1d(onsets, int(fps), axis=-1)
    size = np.sqrt(np.maximum(uniform_filter1d(onsets**2, int(8 * fps), axis=-1), 0.0))
    floor = 1e-3 * onsets.std(axis=-1, keepdims=True) + 1e-9
    return (onsets - mean) / (size + floor)


def chroma(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(12, T) energy of each pitch class, each frame's maximum 1 (0 where silent), from `spectrogram`."""
    classes = librosa.filters.chroma(sr=ONSET_RATE, n_fft=1024, octwidth=2.0, ctroct=4.0) @ magnitudes
    return classes / np.maximum(classes.max(axis=0, keepdims=True), 1e-6 + 1e-3 * classes.max(initial=0.0))


def log_mel(sound: Sound, rate: int = 22050, hop: int = 441, bands: int = 64) -> NDArray[np.float32]:
    """(T, bands) log-mel spectrum in dB below its maximum, floor −80, at rate / hop frames a second."""
    mel = librosa.feature.melspectrogram(y=_at_least(sound, rate, 2048), sr=rate, hop_length=hop, n_mels=bands)
    return librosa.power_to_db(mel, ref=max(float(mel.max(initial=0.0)), 1e-10), top_db=80.0).T.astype(np.float32)


def melody_features(sound: Sound) -> NDArray[np.float32]:
    """(T, 16) features at 25 fps: 3 MFCC, their 3 deltas, 4 CQT chroma, 5 tempogram lags, onset strength.

    The acoustic front end of Tang, Jia and Mao, Dance with Melody (ACM MM 2018): 12 800 Hz, window 1024, hop 512. Their
    code takes MFCC and onsets of the power itself; here they are of its decibels, and the sound is brought to one
    loudness first, so that a quieter copy of a song gives the same features. T = 1 + N // 512. Not standardised.
    Column 14, the last of the 5 lags, is always 0: it falls on the zero of librosa's window, there as here;
    and onset strength and tempogram come 2 frames late, since librosa makes room for a window of 2048 samples.
    """
    y = _at_least(sound, MELODY_RATE, 32768)
    y = y * (0.1 / max(float(np.sqrt(np.mean(y**2))), 1e-5))
    frames = 1 + round(sound.seconds * MELODY_RATE) // MELODY_HOP
    mel = librosa.feature.melspectrogram(y=y, sr=MELODY_RATE, n_fft=2 * MELODY_HOP, hop_length=MELODY_HOP)
    level = librosa.power_to_db(mel, amin=1e-6, top_db=None)
    mfcc = librosa.feature.mfcc(S=level, n_mfcc=3)
    delta = librosa.feature.delta(mfcc, mode="nearest")
    pitch = librosa.feature.chroma_cqt(y=y, sr=MELODY_RATE, n_chroma=4, hop_length=MELODY_HOP, tuning=0.0)
    onset = librosa.onset.onset_strength(S=level, sr=MELODY_RATE, hop_length=MELODY_HOP)
    tempogram = librosa.feature.tempogram(onset_envelope=onset, sr=MELODY_RATE, hop_length=MELODY_HOP, win_length=5)
    features = np.concatenate([mfcc, delta, pitch, tempogram, onset[None]]).T[:frames]
    return np.nan_to_num(features).astype(np.float32)


def _at_least(sound: Sound, rate: int, samples: int) -> NDArray[np.float32]:
    """(N,) mono at `rate`, padded with silence to `samples`, the least that a transform needs."""
    y = resampled(sound, rate).mono()
    return np.pad(y, (0, max(0, samples - len(y))))
