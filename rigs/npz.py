# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading .npz files that may be damaged or hostile, and writing them whole."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from .errors import InputError
from .files import reading, replacing
from .pickles import MAX_BYTES, read_pickle


def save_npz(path: str | Path, **arrays: Any) -> None:
    """Write a compressed .npz, whole or not at all. Raises InputError as `files.replacing` does."""
    # Into memory first: zipfile complains on stderr when the disk fills up under it.
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_npz(path: str | Path, keys: Callable[[str], bool] = lambda key: True) -> dict[str, Any]:
    """The wanted arrays of an .npz file by name; a damaged array that nobody wants does no harm.

    Arrays of Python objects are pickles: they go through `pickles.read_pickle`. No memory is taken on the file's word.

    Raises:
        InputError: the file cannot be opened, is no .npz, is truncated, or unpacks to more than 4 GiB.
    """
    with reading(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = [info for info in archive.infolist() if keys(info.filename.removesuffix(".npy"))]
                if sum(info.file_size for info in members) > MAX_BYTES:
                    raise InputError(f"{path} unpacks to more than {MAX_BYTES >> 30} GiB; such a file is not read.")
                return {info.filename.removesuffix(".npy"): _array(archive.read(info), path) for info in members}
        except (
            zipfile.BadZipFile,
            zlib.error,
            ArithmeticError,
            EOFError,
            LookupError,
            MemoryError,
            OSError,
            RuntimeError,
            SyntaxError,
            TypeError,
            ValueError,
        ) as error:
            raise InputError(f"{path} cannot be read as .npz: it is damaged, cut short or something else.") from error


def _array(data: bytes, path: str | Path) -> Any:
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    shape, fortran, dtype = readers[version](file)
    if dtype.hasobject:
        array = read_pickle(data[file.tell() :], path)
        return array[()] if isinstance(array, np.ndarray) and array.ndim == 0 else array
    if math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError("the array is not as long as it claims")
    return np.ndarray(shape, dtype, buffer=data, offset=file.tell(), order="F" if fortran else "C")
