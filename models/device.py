# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device the networks run on."""

from __future__ import annotations

import torch

from ..rigs.errors import InputError


def choose(name: str = "auto") -> torch.device:
    """CUDA, else Apple's MPS, else the CPU; or the one that is named.

    Raises:
        InputError: the named device is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "mps" if there["mps"] else "cpu")
    if not there.get(name.split(":")[0], False):
        raise InputError(
            f"There is no device {name} here; choose {', '.join(k for k, v in there.items() if v)} or auto."
        )
    return torch.device(name)


def describe() -> str:
    """The chosen device in words, with its free memory where it has its own."""
    device = choose()
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return f"{torch.cuda.get_device_name()} ({free / 1e9:.0f} GB free)"
    return "Apple GPU" if device.type == "mps" else f"the CPU ({torch.get_num_threads()} threads)"
