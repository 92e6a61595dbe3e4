# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the arrays out of a pickle without running it.

A pickle is a program, and Python's own reader runs it. This one knows the opcodes, keeps every call that it meets as a
plain note of what would be called, and afterwards turns the notes of arrays, scipy's sparse matrices and chumpy's
objects into numpy arrays. Nothing that a file names is ever imported or called, and no memory is taken on the file's
word: an array is accepted only with as many bytes as it claims.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .files import read_bytes

MAX_BYTES = 4 << 30
_MAX_DEPTH = 40
_MAX_DENSE = 1 << 28
_SPARSE = re.compile(r"(csc|csr|coo)_(matrix|array)")
_TYPE_CODE = re.compile(r"[<>|=]?([biufSU]\d{1,9}|O8?)")

# What a pickle may name, and what the name stands for here.
_GLOBALS = {
    ("numpy", "ndarray"): "type",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("copy_reg", "_reconstructor"): "new",
    ("copyreg", "_reconstructor"): "new",
    ("__builtin__", "object"): "type",
    ("builtins", "object"): "type",
    ("__builtin__", "set"): "set",
    ("builtins", "set"): "set",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytes"): "bytes",
} | {
    (f"numpy.{core}.{module}", name): kind
    for core in ("core", "_core")
    for module, name, kind in (
        ("multiarray", "_reconstruct", "array"),
        ("multiarray", "scalar", "scalar"),
        ("numeric", "_frombuffer", "buffer"),
    )
}


class _Refused(Exception):
    """Why the pickle is not read. Its text finishes the sentence "<path> cannot be read: "."""


class _Global:
    """A name that the pickle would import."""

    __slots__ = ("kind", "name")

    def __init__(self, module: str, name: str) -> None:
        self.name = f"{module}.{name}"
        if (module, name) in _GLOBALS:
            self.kind = _GLOBALS[module, name]
        elif module.split(".")[0] == "chumpy" and name.isidentifier():
            self.kind = "chumpy"
        elif module.split(".")[:2] == ["scipy", "sparse"] and _SPARSE.fullmatch(name):
            self.kind = "sparse"
        else:
            raise _Refused(f"it names {self.name[:80]!r}, and only arrays are taken from a pickle")


class _Call:
    """A call that the pickle would make, with the state that it would set on the result."""

    __slots__ = ("args", "maker", "state")

    def __init__(self, maker: Any, args: Any) -> None:
        if not isinstance(maker, _Global) or not isinstance(args, tuple):
            raise _Refused("its instructions make no sense")
        if maker.kind == "new" and args and isinstance(args[0], _Global):
            maker, args = args[0], ()
        self.maker, self.args, self.state = maker, args, None


class _Machine:
    """Follows the opcodes of a pickle (protocols 0 to 5) with a stack of plain values, `_Global`s and `_Call`s."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while True:
            opcode = self.take(1)
            if opcode == b".":
                return self.stack.pop()
            if opcode not in _OPCODES:
                raise _Refused(f"it uses the instruction {opcode!r}, which arrays do not need")
            _OPCODES[opcode](self)

    def take(self, count: int) -> bytes:
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise _Refused("it ends too early")
        taken, self.position = self.data[self.position : end], end
        return taken

    def counted(self, form: str) -> bytes:
        return self.take(self.number(form))

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise _Refused("it ends too early")
        return self.take(end + 1 - self.position)[:-1]

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        return items

    def stack_global(self) -> None:
        module, name = self.last(2)
        self.push(_Global(str(module), str(name)))

    def line_global(self) -> _Global:
        return _Global(_utf8(self.line()), _utf8(self.line()))

    def call(self) -> None:
        self.push(_Call(*self.last(2)))

    def call_since_mark(self) -> None:
        maker, *args = self.since_mark()
        self.push(_Call(maker, tuple(args)))

    def call_by_line(self) -> None:
        maker = self.line_global()
        self.push(_Call(maker, tuple(self.since_mark())))

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Call):
            raise TypeError
        self.stack[-1].state = state

    def extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise TypeError
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Plain keys only: hashing a tuple that repeats itself inside itself could take for ever.
            if not isinstance(key, str | bytes | int | float | None):
                raise TypeError
            target[key.decode("latin1") if isinstance(key, bytes) else key] = value

    def dictionary(self) -> None:
        items = self.since_mark()
        self.push({})
        self.update(items)

    def ignored_items(self) -> None:
        self.since_mark()

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def integer(self) -> None:
        text = self.line().removesuffix(b"L")
        self.push(text == b"01" if text in (b"00", b"01") else int(text))


def _unquote(line: bytes) -> bytes:
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError
    return codecs.escape_decode(line[1:-1])[0]  # type: ignore[return-value]


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


# Python's own opcodes, less those for persistent ids, the extension registry and out-of-band buffers. Byte strings stay
# bytes: under Python 2 they were both the texts and the arrays' contents. A set stays empty: none holds an array.
_OPCODES: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.take(1),  # the protocol
    b"\x95": lambda m: m.take(8),  # the length of a frame
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _Machine.integer,
    b"L": _Machine.integer,
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: m.push(int.from_bytes(m.counted("<B"), "little", signed=True)),
    b"\x8b": lambda m: m.push(int.from_bytes(m.counted("<i"), "little", signed=True)),
    b"F": lambda m: m.push(float(m.line())),
    b"G": lambda m: m.push(m.number(">d")),
    b"S": lambda m: m.push(_unquote(m.line())),
    b"T": lambda m: m.push(m.counted("<i")),
    b"U": lambda m: m.push(m.counted("<B")),
    b"B": lambda m: m.push(m.counted("<I")),
    b"C": lambda m: m.push(m.counted("<B")),
    b"\x8e": lambda m: m.push(m.counted("<Q")),
    b"\x96": lambda m: m.push(m.counted("<Q")),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    b"X": lambda m: m.push(_utf8(m.counted("<I"))),
    b"\x8c": lambda m: m.push(_utf8(m.counted("<B"))),
    b"\x8d": lambda m: m.push(_utf8(m.counted("<Q"))),
    b"(": _Machine.mark,
    b"0": _Machine.pop,
    b"1": _Machine.since_mark,
    b"2": lambda m: m.push(m.stack[-1]),
    b")": lambda m: m.push(()),
    b"\x85": lambda m: m.push(m.last(1)),
    b"\x86": lambda m: m.push(m.last(2)),
    b"\x87": lambda m: m.push(m.last(3)),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.since_mark()),
    b"a": lambda m: m.extend(list(m.last(1))),
    b"e": lambda m: m.extend(m.since_mark()),
    b"}": lambda m: m.push({}),
    b"d": _Machine.dictionary,
    b"s": lambda m: m.update(list(m.last(2))),
    b"u": lambda m: m.update(m.since_mark()),
    b"\x8f": lambda m: m.push(None),
    b"\x90": _Machine.ignored_items,
    b"\x91": lambda m: (m.since_mark(), m.push(None)),
    b"c": lambda m: m.push(m.line_global()),
    b"\x93": _Machine.stack_global,
    b"R": _Machine.call,
    b"\x81": _Machine.call,
    b"o": _Machine.call_since_mark,
    b"i": _Machine.call_by_line,
    b"b": _Machine.build,
    b"p": lambda m: m.remember(int(m.line())),
    b"q": lambda m: m.remember(m.number("<B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.push(m.memo[int(m.line())]),
    b"h": lambda m: m.push(m.memo[m.number("<B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
}


class _Values:
    """Turns what the machine left into numpy arrays, numbers, texts, lists and dictionaries; each thing once."""

    def __init__(self) -> None:
        self.done: dict[int, Any] = {}
        self.depth = 0

    def of(self, thing: Any) -> Any:
        if isinstance(thing, _Global):
            raise _Refused("its instructions make no sense")
        if not isinstance(thing, dict | list | tuple | _Call):
            return thing
        if id(thing) not in self.done:
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise _Refused("it holds things inside things without end")
            self.done[id(thing)] = self._made(thing) if isinstance(thing, _Call) else self._container(thing)
            self.depth -= 1
        return self.done[id(thing)]

    def _container(self, thing: dict | list | tuple) -> Any:
        if isinstance(thing, dict):
            return {key: self.of(value) for key, value in thing.items()}
        return [self.of(value) for value in thing]

    def _made(self, call: _Call) -> Any:
        args: Any = call.args
        state: Any = call.state
        match call.maker.kind:
            case "array":
                _, shape, typecode, _, content = state
                return self._array(shape, self._dtype(typecode), content, "F" if state[3] else "C")
            case "buffer":
                content, typecode, shape, order = args
                return self._array(shape, self._dtype(typecode), content, "F" if order == "F" else "C")
            case "scalar":
                typecode, content = args
                return self._array((), self._dtype(typecode), content, "C")[()]
            case "encode":
                text, encoding = args
                if encoding not in ("latin1", b"latin1"):
                    raise _Refused("its instructions make no sense")
                return text.encode("latin1")
            case "bytes" if not args:
                return b""
            case "chumpy":
                return self._chumpy(state)
            case "sparse":
                return self._sparse(call.maker.name, state)
            case "set":
                return None
        raise _Refused(f"it calls {call.maker.name!r}, which makes no array")

    def _dtype(self, call: Any) -> np.dtype:
        if not isinstance(call, _Call) or call.maker.kind != "dtype":
            raise _Refused("its instructions make no sense")
        code = _text(call.args[0])
        if not _TYPE_CODE.fullmatch(code):
            raise _Refused(f"it holds an array of the type {code[:40]!r}")
        order = _text(call.state[1]) if call.state else "="
        dtype = np.dtype("O" if code.lstrip("<>|=").startswith("O") else code)
        return dtype.newbyteorder(order) if order in ("<", ">") else dtype

    def _array(self, shape: Any, dtype: np.dtype, content: Any, order: Any) -> np.ndarray:
        if not all(isinstance(size, int) and size >= 0 for size in shape):
            raise _Refused("its instructions make no sense")
        count = 1
        for size in shape:
            count *= size
        if dtype.hasobject:
            if not isinstance(content, list) or len(content) != count:
                raise _Refused("an array in it is not as long as it claims")
            array = np.empty(count, object)
            for index, item in enumerate(content):
                array[index] = self.of(item)
            return array.reshape(shape, order=order)
        content = self.of(content)
        content = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(content, bytes) or len(content) != count * dtype.itemsize:
            raise _Refused("an array in it is not as long as it claims")
        return np.ndarray(tuple(shape), dtype, buffer=content, order=order)

    def _chumpy(self, state: Any) -> np.ndarray:
        """The value of a chumpy object: its array `x`, or of a `Select` the entries `idxs` of its source `a`."""
        if isinstance(state, dict) and "idxs" in state and "a" in state:
            entries = np.asarray(self.of(state["a"])).ravel()[np.asarray(self.of(state["idxs"]), np.int64)]
            shape = self.of(state.get("preferred_shape"))
            return entries.reshape(-1 if shape is None else shape)
        if isinstance(state, dict) and "x" in state:
            return np.asarray(self.of(state["x"]))
        raise _Refused("it holds a chumpy object whose value is not stored; save it with plain arrays")

    def _sparse(self, name: str, state: Any) -> np.ndarray:
        """The matrix in full. Two arrays place an entry: its row and column, or one of them and each line's span."""
        rows, columns = self.of(state["_shape"])
        layout = name.rpartition(".")[2][:3]
        if min(rows, columns) < 0 or rows * columns > _MAX_DENSE:
            raise _Refused(f"it holds a sparse matrix of {rows} x {columns}, which is too large")
        if layout == "coo":
            row, column = self.of(state["coords"] if "coords" in state else (state["row"], state["col"]))
        else:
            across, spans = np.asarray(self.of(state["indices"])), np.diff(self.of(state["indptr"]))
            if len(spans) != (columns if layout == "csc" else rows) or (spans < 0).any() or spans.sum() != len(across):
                raise ValueError
            along = np.repeat(np.arange(len(spans)), spans)
            row, column = (across, along) if layout == "csc" else (along, across)
        row, column = np.asarray(row, np.int64), np.asarray(column, np.int64)
        if (row < 0).any() or (column < 0).any():
            raise ValueError
        entries = np.asarray(self.of(state["data"]))
        full = np.zeros((rows, columns), entries.dtype)
        np.add.at(full, (row, column), entries)
        return full


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def read_pickle(data: bytes, name: str | Path, keys: Callable[[str], bool] | None = None) -> Any:
    """The value that the pickle `data` holds; of a dictionary only the wanted `keys`. `name` is for the message.

    Arrays come as read-only numpy arrays, chumpy's objects and scipy's sparse matrices (csc, csr, coo) as full arrays,
    byte strings as bytes, tuples as lists, sets as None.

    Raises:
        InputError: `data` is no pickle, is damaged, or holds anything but arrays, numbers and texts.
    """
    try:
        held = _Machine(data).run()
        if isinstance(held, dict) and keys is not None:
            held = {key: value for key, value in held.items() if isinstance(key, str) and keys(key)}
        return _Values().of(held)
    except _Refused as reason:
        raise InputError(f"{name} cannot be read as a pickle: {reason}.") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error, MemoryError) as error:
        raise InputError(f"{name} cannot be read as a pickle: it is damaged or no pickle at all.") from error


def load_pickle(path: str | Path, keys: Callable[[str], bool] | None = None) -> Any:
    """`read_pickle` of a file of at most 4 GiB.

    Raises:
        InputError: as `read_pickle`, and when the file cannot be opened.
    """
    return read_pickle(read_bytes(path, MAX_BYTES), path, keys)
