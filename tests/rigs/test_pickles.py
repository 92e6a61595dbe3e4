# SPDX-License-Identifier: GPL-3.0-or-later
"""Pickles are read without being run: whatever a file asks for, only arrays come out of it."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from avanim.rigs.errors import InputError
from avanim.rigs.motion_files import load_motion
from avanim.rigs.npz import load_npz
from avanim.rigs.pickles import load_pickle, read_pickle
from avanim.rigs.smpl import load_body
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

CONTENT = {
    "x": np.random.default_rng(0).random((3, 4)),
    "fortran": np.asfortranarray(np.random.default_rng(1).random((3, 4))),
    "empty": np.zeros((0, 3)),
    "big_endian": np.arange(5, dtype=">i4"),
    "scalar": np.float32(2.5),
    "flags": np.array([True, False]),
    "text_array": np.array("male"),
    "bytes_array": np.array(b"female"),
    "count": 3,
    "long": 10**30,
    "negative": -70000,
    "number": 1.5,
    "yes": True,
    "nothing": None,
    "list": [1, [2, None]],
}


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_what_was_stored(protocol: int) -> None:
    read = read_pickle(pickle.dumps(CONTENT, protocol), "x")
    assert read.keys() == CONTENT.keys()
    for key, value in CONTENT.items():
        assert read[key] == value if isinstance(value, list) else np.array_equal(read[key], value), key
        assert getattr(read[key], "dtype", None) == getattr(value, "dtype", None), key


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_python_2_pickles_are_read_as_python_reads_them(protocol: int, old_pickle) -> None:
    data = old_pickle({"a": CONTENT["x"], "f": CONTENT["fortran"], "i": CONTENT["big_endian"]}, protocol)
    trusted = pickle.loads(data, encoding="latin1")
    read = read_pickle(data, "x")
    for key, value in trusted.items():
        assert np.array_equal(read[key], value) and read[key].dtype.kind == value.dtype.kind


@pytest.mark.parametrize("layout", ["csc", "csr", "coo"])
@pytest.mark.parametrize("family", ["matrix", "array"])
def test_sparse_matrices_come_in_full(layout: str, family: str) -> None:
    full = np.random.default_rng(2).random((5, 7)) * (np.random.default_rng(3).random((5, 7)) > 0.6)
    stored = getattr(sparse, f"{layout}_{family}")(full)
    for protocol in (0, 2, 4):
        assert np.array_equal(read_pickle(pickle.dumps({"J": stored}, protocol), "x")["J"], full)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_chumpy_objects_give_their_values(protocol: int, chumpy, old_pickle) -> None:
    source = np.random.default_rng(4).random((4, 3, 10))
    entries = np.arange(4 * 3 * 10).reshape(4, 3, 10)[:, :, :6].ravel()
    data = old_pickle({"plain": chumpy.ch(source), "part": chumpy.select(source, entries, (4, 3, 6))}, protocol)
    read = read_pickle(data, "x")
    assert np.array_equal(read["plain"], source)
    assert np.array_equal(read["part"], source[:, :, :6])


# ---- Hostile files. CANARY stands where a gadget, if it ran, would make a file. ----

CANARY = "CANARYCANAR"


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *args) -> None:
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def _named(module: bytes, name: bytes, *args: object) -> bytes:
    """A pickle that calls module.name, which need not exist here."""
    return b"c" + module + b"\n" + name + b"\n" + pickle.dumps(args, 2)[2:-1] + b"R."


def _stacked(module: str, name: str, *args: object) -> bytes:
    """As `_named` with the opcode of protocol 4, which also takes dotted names."""
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04" + texts + b"\x93" + pickle.dumps(args, 2)[2:-1] + b"R."


_ARRAY = pickle.dumps(np.zeros(3), 2)
_TOUCH = f"touch {CANARY}"
HOSTILE = {
    "os.system": pickle.dumps(Calls(os.system, _TOUCH)),
    "posix.system": _named(b"posix", b"system", _TOUCH),
    "nt.system": _named(b"nt", b"system", _TOUCH),
    "subprocess": pickle.dumps(Calls(subprocess.Popen, ["touch", CANARY])),
    "eval": pickle.dumps(Calls(eval, f"open({CANARY!r}, 'w')")),
    "exec": pickle.dumps(Calls(exec, f"open({CANARY!r}, 'w')")),
    "open": pickle.dumps(Calls(open, CANARY, "w")),
    "python 2 file": _named(b"__builtin__", b"file", CANARY, "w"),
    "import": pickle.dumps(Calls(__import__, "antigravity")),
    "getattr": pickle.dumps(Calls(getattr, Calls(__import__, "os"), "system")),
    "partial": pickle.dumps(Calls(functools.partial, os.system, _TOUCH)),
    "numpy.load": pickle.dumps(Calls(np.load, CANARY, None, True)),
    "numpy.save": pickle.dumps(Calls(np.save, CANARY, np.zeros(1))),
    "ndarray.tofile": _stacked("numpy", "ndarray.tofile", np.zeros(1), CANARY),
    "numpy.f2py": _named(b"numpy.f2py.diagnose", b"run"),
    "numpy.runstring": _named(b"numpy.testing._private.utils", b"runstring", f"open({CANARY!r}, 'w')", {}),
    "codecs.encode with another codec": _named(b"_codecs", b"encode", _TOUCH, "rot13"),
    "codecs.lookup": _named(b"_codecs", b"lookup", "rot13"),
    "codecs.open": _named(b"codecs", b"open", CANARY, "w"),
    "scipy.sparse.save_npz": pickle.dumps(Calls(sparse.save_npz, CANARY, sparse.eye(2))),
    "scipy.sparse.eye": _named(b"scipy.sparse", b"eye", 10**7),
    "scipy's os": _stacked("scipy.sparse", "sys.modules", 0),
    "dotted chumpy": _stacked("chumpy", "os.system", _TOUCH),
    "chumpy object with no value": _named(b"chumpy.ch", b"Ch"),
    "reconstructor of a function": b"ccopyreg\n_reconstructor\n(cos\nsystem\ncbuiltins\nobject\nNtR.",
    "newobj": b"\x80\x02cos\nsystem\nU\x04true\x85\x81.",
    "inst": b"(S'" + _TOUCH.encode() + b"'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'" + _TOUCH.encode() + b"'\no.",
    "nested in an array's state": pickle.dumps({"poses": np.array([Calls(os.system, _TOUCH)], object)}),
    "nested in a tuple": pickle.dumps({"a": (1, (2, [Calls(os.system, _TOUCH)]))}),
    "nested as a key": b"}cos\nsystem\nK\x01s.",
    "in a set": pickle.dumps({"a": {1, 2}, "b": [Calls(os.system, _TOUCH)]}),
    "build on a name": b"cnumpy\nndarray\n}U\x01xK\x01sb.",
    "build on a dictionary": b"}}U\x01xK\x01sb.",
    "a name is no value": b"}U\x01acnumpy\nndarray\ns.",
    "call of a value": b"K\x01K\x02\x85R.",
    "call through the memo": b"cos\nsystem\nq\x07" + b"h\x07U\x04true\x85R.",
    "persistent id": b"Pevil\n.",
    "binary persistent id": b"U\x04evilQ.",
    "extension registry": b"\x82\x01.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "memo index that takes gigabytes": b"K\x01r\xff\xff\xff\xffh\x05.",
    "memo that is not there": b"h\x63.",
    "negative memo": b"K\x01p-1\n" + b"g-2\n.",
    "list inside itself": b"]q\x00h\x00a.",
    "doubled again and again": b"]" + b"q\x00]h\x00ah\x00a" * 60 + b".",
    "doubled key": b"}" + b"K\x01" + b"2\x86" * 64 + b"K\x01s.",
    "a hundred thousand deep": b"(" * 100_000 + b"t" * 100_000 + b".",
    "bytes that claim a terabyte": b"\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
    "text that claims a terabyte": b"\x8d" + struct.pack("<Q", 1 << 40) + b"abc.",
    "bytearray that claims a terabyte": b"\x96" + struct.pack("<Q", 1 << 40) + b"abc.",
    "number of two gigabytes": b"\x8b" + struct.pack("<i", (1 << 31) - 1) + b"abc.",
    "negative length": b"T" + struct.pack("<i", -5) + b"abc.",
    "frame of an exabyte": b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N",
    "array that claims a terabyte": pickle.dumps(np.zeros(3), 4).replace(b"K\x03\x85", b"\x8a\x06\0\0\0\0\0\x01\x85"),
    "reconstruct of a terabyte": _named(b"numpy.core.multiarray", b"_reconstruct", 0, (1 << 40,), b"b"),
    "array with the wrong length": pickle.dumps(np.zeros(3), 2).replace(b"K\x03\x85", b"K\x04\x85"),
    "negative shape": _ARRAY.replace(b"K\x03\x85", b"J\xff\xff\xff\xff\x85"),
    "objects from bytes": _ARRAY.replace(b"f8", b"O8"),
    "structured type": pickle.dumps(np.zeros(2, [("a", "f8"), ("b", "O")])),
    "dates": pickle.dumps(np.zeros(2, "M8[s]")),
    "sparse of a terabyte": pickle.dumps({"J": sparse.coo_matrix((1 << 20, 1 << 20))}),
    "sparse entry out of place": pickle.dumps({"J": sparse.csc_matrix(np.eye(3, dtype="i1"))}, 2).replace(
        np.arange(3, dtype="i4").tobytes().decode("latin1").encode(), b"\x63\0\0\0\x01\0\0\0\x02\0\0\0"
    ),
    "empty": b"",
    "a text file": b"hello, I am no pickle at all\n",
    "a zip header": b"PK\x03\x04" + b"\0" * 40,
}


def _armed(data: bytes, canary: Path) -> bytes:
    """`data` with a real path of the same length as CANARY's, so that lengths inside the pickle stay true."""
    name = str(canary)
    assert len(name) == len(CANARY), (name, CANARY)
    return data.replace(CANARY.encode(), name.encode())


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("canary.file")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickle_is_refused_and_nothing_runs(name: str, canary: Path) -> None:
    assert len(CANARY) == len("canary.file")
    data = _armed(HOSTILE[name], canary)
    Path("evil.pkl").write_bytes(data)
    modules = set(sys.modules)
    tracemalloc.start()
    start = time.process_time()
    for load in (load_pickle, load_body, load_motion):
        with pytest.raises(InputError) as raised:
            load("evil.pkl")
        text = str(raised.value)
        assert "evil.pkl" in text and "\n" not in text and text.endswith(".") and len(text) < 300
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not canary.exists()
    assert {name for name in set(sys.modules) - modules if not name.startswith("avanim")} == set()
    assert seconds < 5 and peak < 64 << 20


def test_the_gadgets_are_real(canary: Path) -> None:
    """Python's own reader does run them: the test above would notice."""
    pickle.loads(_armed(HOSTILE["os.system"], canary))
    assert canary.exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_array_of_objects_in_npz_is_refused(name: str, canary: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    with zipfile.ZipFile("evil.npz", "w") as archive:
        for key in ("v_template", "poses"):
            archive.writestr(f"{key}.npy", header.getvalue() + _armed(HOSTILE[name], canary))
    for load in (load_npz, load_body, load_motion):
        with pytest.raises(InputError):
            load("evil.npz")
    assert not canary.exists()


def test_every_truncation_is_refused() -> None:
    whole = pickle.dumps({"a": np.arange(4.0), "J": sparse.csc_matrix(np.eye(2)), "n": 3}, 2)
    read_pickle(whole, "x")
    for end in range(len(whole)):
        with pytest.raises(InputError):
            read_pickle(whole[:end], "x")


_SEEDS = [pickle.dumps({"a": np.arange(4.0), "J": sparse.csc_matrix(np.eye(2)), "t": "text"}, p) for p in (0, 2, 4)]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(_SEEDS), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=3)), min_size=1, max_size=6)
)
def test_damaged_pickle_is_read_or_refused_but_never_anything_else(
    seed: bytes, damage: list[tuple[int, bytes]]
) -> None:
    data = bytearray(seed)
    for place, piece in damage:
        place %= len(data)
        data[place : place + len(piece)] = piece
    try:
        read_pickle(bytes(data), "x")
    except InputError as error:
        assert "\n" not in str(error)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InputError):
        read_pickle(data, "x")
