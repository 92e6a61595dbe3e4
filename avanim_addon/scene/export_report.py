# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an exported file is what an engine wants: read back from the file itself, not from the scene it came from."""

from __future__ import annotations

import importlib
import json
import re
import struct
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...rigs.bvh import load_bvh
from ...rigs.errors import InputError
from ...rigs.files import replacing
from ...rigs.motion_files import load_motion
from .export_readback import read_back

# s and m that may be off.
_TIME, _SCALE = 1e-4, 1e-4
# FBX counts time in these of a second.
_TICKS = 46186158000


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, whether it is as it should be (None: it cannot be told), and what was found."""

    name: str
    good: bool | None
    found: str


@dataclass(frozen=True)
class _Contents:
    """What a file holds: bones without a parent bone, all bones' names, the scales of its nodes (none where the format
    has no scale), the first and the last key (s).
    """

    roots: list[str]
    bones: list[str]
    scales: list[float]
    first: float | None
    last: float | None


def validate(path: str | Path, bones: list[str], fps: float, frames: int, target: str = "plain") -> list[Check]:
    """Look an exported file over.

    Args:
        bones: the names that it should have.
        fps, frames: of the clip, by which the sound beside it is measured.

    Raises:
        InputError: the file cannot be read back.
    """
    path = Path(path)
    checks: list[Check] = []
    if path.suffix in (".usdc", ".abc"):
        return [*_by_blender(path, bones, fps, frames, target), _sound(path, fps, frames)]
    contents = _read(path)
    if contents is not None:
        wanted = {*bones, "root"} if target == "unreal" else set(bones)
        if path.suffix == ".npz":
            wanted = set(contents.bones)  # SMPL's, whatever the rig's are
        extra = [name for name in contents.bones if name not in wanted]
        lost = sorted(wanted - set(contents.bones))
        leaves = [name for name in extra if name.lower().endswith(("_end", "end", "_leaf"))]
        worst = max((abs(scale - 1) for scale in contents.scales), default=0.0)
        checks = [
            Check("scale 1", worst < _SCALE, f"largest deviation {worst:.2g}") if contents.scales else
            Check("scale 1", None, f"{path.suffix} has no scale"),
            Check("one root", len(contents.roots) == 1, ", ".join(contents.roots[:4]) or "none"),
            Check("first key at 0", _at_zero(contents.first), _seconds(contents.first)),
            _length(contents, fps, frames),
            Check("names", not lost and len(extra) == len(leaves), _listed(contents.bones, lost, extra)),
            Check("no leaf bones", not leaves, ", ".join(leaves[:4]) or "none"),
        ]  # fmt: skip
        if target == "unreal":
            checks.append(Check("root bone", contents.roots == ["root"], ", ".join(contents.roots[:4])))
    else:
        checks.append(Check("contents", None, f"this Blender lacks what reads {path.suffix}; import it to look"))
    return [*checks, _sound(path, fps, frames)]


def _by_blender(path: Path, bones: list[str], fps: float, frames: int, target: str) -> list[Check]:
    """The checks of a file that Blender alone can read."""
    found = read_back(path, fps)
    worst = max((abs(scale - 1) for scale in found.scales), default=0.0)
    length = None if found.first is None or found.last is None else round(found.last - found.first) + 1
    checks = [
        Check("scale 1", worst < _SCALE, f"largest deviation {worst:.2g}"),
        Check("first key at 0", _at_zero(found.first), "no keys" if found.first is None else f"frame {found.first:g}"),
        Check("length", None if length is None else length == frames, f"{length or 0} frames of {frames}"),
    ]
    if path.suffix == ".abc":
        return [*checks, Check("meshes", found.meshes > 0, f"{found.meshes}; Alembic has no bones")]
    wanted = [*bones, *(["root"] if target == "unreal" and "root" not in bones else [])]
    known = {_usd_name(name) for name in wanted}
    extra = [name for name in found.bones if _usd_name(name) not in known]
    lost = sorted(known - {_usd_name(name) for name in found.bones})
    leaves = [name for name in extra if name.lower().endswith(("_end", "end", "_leaf"))]
    checks += [
        Check("one root", len(found.roots) == 1, ", ".join(found.roots[:4]) or "none"),
        Check("names", not lost and len(extra) == len(leaves), _listed(found.bones, lost, extra)),
        Check("no leaf bones", not leaves, ", ".join(leaves[:4]) or "none"),
    ]
    if target == "unreal":
        checks.append(Check("root bone", found.roots == ["root"], ", ".join(found.roots[:4])))
    return checks


def _usd_name(name: str) -> str:
    """USD writes what is neither a letter nor a digit as an underscore."""
    return re.sub(r"\W", "_", name)


def save_report(path: str | Path, checks: list[Check]) -> Path:
    """Write what was found beside the file, as NAME.report.json. Returns its path."""
    path = Path(path)
    report = path.with_suffix(".report.json")
    table = {"file": path.name, "good": all(check.good is not False for check in checks)}
    with replacing(report) as temporary:
        text = json.dumps({**table, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return report


def load_report(path: str | Path) -> list[Check]:
    """What `save_report` wrote beside a file; nothing where there is no such report."""
    try:
        table = json.loads(Path(path).with_suffix(".report.json").read_text(encoding="utf-8"))
        return [Check(**check) for check in table["checks"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def summary(checks: list[Check]) -> str:
    """One line: "6 checks passed", or what did not."""
    bad = [f"{check.name} ({check.found})" for check in checks if check.good is False]
    passed = sum(check.good is True for check in checks)
    return f"not as it should be: {'; '.join(bad)}" if bad else f"{passed} checks passed"


def _listed(bones: list[str], lost: list[str], extra: list[str]) -> str:
    lacks = f", lacks {', '.join(lost[:3])}" if lost else ""
    return f"{len(bones)} bones{lacks}" + (f", besides {', '.join(extra[:3])}" if extra else "")


def _seconds(first: float | None) -> str:
    return "no keys" if first is None else f"{first:.4f} s"


def _length(contents: _Contents, fps: float, frames: int) -> Check:
    """Whether the last key comes as late as that of the clip does."""
    if contents.last is None:
        return Check("length", None, "no keys")
    found = round(contents.last * fps) + 1
    return Check("length", found == frames, f"{found} frames of {frames}")


def _at_zero(first: float | None) -> bool | None:
    return None if first is None else abs(first) < _TIME


def _sound(path: Path, fps: float, frames: int) -> Check:
    beside = path.with_suffix(".wav")
    if not beside.is_file():
        return Check("sound", None, "no .wav beside it")
    with wave.open(str(beside), "rb") as file:
        rate, count = file.getframerate(), file.getnframes()
    off = count - round(frames / fps * rate)
    return Check(
        "sound", abs(off) <= 1, f"{count} samples at {rate} Hz, {off:+d} against the clip's {frames / fps:.3f} s"
    )


def _read(path: Path) -> _Contents | None:
    match path.suffix:
        case ".glb":
            return _glb(path)
        case ".fbx":
            return _fbx(path)
        case ".bvh":
            clip = load_bvh(path)
            roots = [name for name, parent in zip(clip.names, clip.parents, strict=True) if parent < 0]
            return _Contents(roots, list(clip.names), [], 0.0, (len(clip.positions) - 1) / clip.fps)
        case ".npz":
            motion = load_motion(path)
            return _Contents([motion.rig.joints[0]], list(motion.rig.joints), [], 0.0, (len(motion) - 1) / motion.fps)
    return None


def _glb(path: Path) -> _Contents:
    data = path.read_bytes()
    try:
        magic, _, _, size, kind = struct.unpack_from("<4sIIII", data)
        if magic != b"glTF" or kind != 0x4E4F534A:
            raise ValueError
        table: Any = json.loads(data[20 : 20 + size])
    except (struct.error, ValueError) as error:
        raise InputError(f"{path} is no readable .glb; export it again.") from error
    nodes = table.get("nodes", [])
    joints = sorted({joint for skin in table.get("skins", []) for joint in skin["joints"]})
    below = {child for joint in joints for child in nodes[joint].get("children", [])}
    accessors = table.get("accessors", [])
    inputs = [accessors[sampler["input"]] for clip in table.get("animations", []) for sampler in clip["samplers"]]
    return _Contents(
        [nodes[joint]["name"] for joint in joints if joint not in below],
        [nodes[joint]["name"] for joint in joints],
        [scale for node in nodes for scale in node.get("scale", [1.0])],
        min((one["min"][0] for one in inputs), default=None),
        max((one["max"][0] for one in inputs if "max" in one), default=None),
    )


def _fbx(path: Path) -> _Contents | None:
    try:
        # One of Blender's own add-ons, which some builds lack.
        reader = importlib.import_module("io_scene_fbx.parse_fbx")
    except ImportError:
        return None
    top, _ = reader.parse(str(path))
    parts = {element.id: element for element in top.elems if element is not None}
    models: dict[int, tuple[str, str, list[float]]] = {}
    times: list[int] = []
    for element in parts[b"Objects"].elems:
        if element.id == b"Model":
            name = element.props[1].split(b"\x00")[0].decode("utf-8", "replace")
            models[element.props[0]] = (name, element.props[2].decode(), _fbx_scale(element))
        elif element.id == b"AnimationCurve":
            for child in element.elems:
                if child.id == b"KeyTime" and len(child.props[0]):
                    times += [int(child.props[0][0]), int(child.props[0][-1])]
    above = {
        link.props[1]: link.props[2]
        for link in parts[b"Connections"].elems
        if link.id == b"C" and link.props[0] == b"OO" and link.props[1] in models and link.props[2] in models
    }
    bones = {key: name for key, (name, kind, _) in models.items() if kind == "LimbNode"}
    roots = [name for key, name in bones.items() if above.get(key) not in bones]
    scales = [scale for _, _, three in models.values() for scale in three]
    first, last = (min(times) / _TICKS, max(times) / _TICKS) if times else (None, None)
    return _Contents(roots, list(bones.values()), scales, first, last)


def _fbx_scale(model: Any) -> list[float]:
    for element in model.elems:
        if element.id == b"Properties70":
            for prop in element.elems:
                if prop.props and prop.props[0] == b"Lcl Scaling":
                    return [float(np.round(value, 9)) for value in prop.props[4:7]]
    return [1.0]
