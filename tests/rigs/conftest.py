# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that write pickles as Python 2, old scipy and chumpy did: none of the three is installed."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar

import pytest


class Python2Pickler(pickle._Pickler):
    """Byte strings as Python 2 wrote them: as text of its own kind, in protocol 0 quoted and escaped."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value: bytes) -> None:
        if self.proto == 0:
            # Python 3's repr of bytes, less its b, is Python 2's repr of a string.
            self.write(b"S" + repr(value)[1:].encode("ascii") + b"\n")
        else:
            self.write(b"T" + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Makers of stand-ins for chumpy's objects, whose pickles look like chumpy's: class path and attributes."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    ch = type("Ch", (), {"__module__": "chumpy.ch"})
    select = type("Select", (ch,), {"__module__": "chumpy.reordering"})
    vars(modules["chumpy.ch"])["Ch"] = ch
    vars(modules["chumpy.reordering"])["Select"] = select
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)

    def make_ch(array: Any) -> Any:
        made = ch()
        vars(made).update(x=array, _dirty_vars=set(), _itr=None, dterms=("x",), terms=[], _depends_on_deps={})
        return made

    def make_select(source: Any, entries: Any, shape: tuple[int, ...]) -> Any:
        made = select()
        vars(made).update(a=make_ch(source), idxs=entries, preferred_shape=shape, _dirty_vars={"a"})
        return made

    return types.SimpleNamespace(ch=make_ch, select=make_select)


@pytest.fixture(scope="session")
def old_pickle() -> Callable[..., bytes]:
    """Pickles a value as Python 2 with numpy 1 and scipy 0 would have."""

    def write(value: Any, protocol: int = 2) -> bytes:
        buffer = io.BytesIO()
        Python2Pickler(buffer, protocol).dump(value)
        data = buffer.getvalue()
        for new, old in ((b"scipy.sparse._csc\n", b"scipy.sparse.csc\n"), (b"numpy._core.", b"numpy.core.")):
            data = data.replace(new, old)
        return data

    return write
