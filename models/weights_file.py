# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the .safetensors of a method's weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ..rigs.errors import InputError


@contextmanager
def reading_weights(path: Path, key: str, method: str) -> Iterator[tuple[Any, dict[str, Tensor]]]:
    """What the metadata says under `key`, decoded from JSON, and all tensors as float32.

    Raises:
        InputError: the file is missing, or what the block makes of it shows that it is not one of `method`'s.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            described = json.loads((file.metadata() or {})[key])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
        yield described, tensors
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"Cannot read the weights {path}: {error}. Install them again, or train with avanim train {method}."
        ) from error
