# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of other people's for what is exported, each in a process of its own: `python readers.py FILE`.

They are PyPI's usd-core (Pixar's) and alembic3d (the Alembic project's), and may not share a process with Blender,
which has libraries of the same names. What is found is printed as JSON.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_MODULES = {".usdc": "pxr", ".abc": "alembic3d"}


def read(path: Path) -> dict[str, Any]:
    """What another reader finds in the file; the test is skipped where that is not installed."""
    module = _MODULES[path.suffix]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs a package that brings {module}")
    done = subprocess.run([sys.executable, __file__, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def read_usd(path: str) -> dict[str, Any]:
    """Per frame the joints' places (m, Z up) and shape keys' weights; the scales of all nodes; the times."""
    from pxr import Usd, UsdGeom, UsdSkel

    stage = Usd.Stage.Open(path)
    skeletons = [UsdSkel.Skeleton(prim) for prim in stage.Traverse() if prim.IsA(UsdSkel.Skeleton)]
    assert len(skeletons) == 1
    skeleton = skeletons[0]
    cache = UsdSkel.Cache()
    cache.Populate(UsdSkel.Root.Find(skeleton.GetPrim()), Usd.TraverseInstanceProxies())
    query = cache.GetSkelQuery(skeleton)
    animation = query.GetAnimQuery()
    names = [str(joint).rpartition("/")[2] for joint in query.GetJointOrder()]
    places, weights = [], []
    times = animation.GetJointTransformTimeSamples()
    for time in times:
        world = UsdGeom.XformCache(time).GetLocalToWorldTransform(skeleton.GetPrim())
        matrices = query.ComputeJointSkelTransforms(time)
        places.append([list((matrix * world).ExtractTranslation()) for matrix in matrices])
        weights.append(list(animation.ComputeBlendShapeWeights(time)))
    scales = []
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Xformable):
            matrix = UsdGeom.Xformable(prim).GetLocalTransformation(0)
            scales += [float(matrix.GetRow3(row).GetLength()) for row in range(3)]
    return {
        "names": names,
        "roots": [names[at] for at in range(len(names)) if query.GetTopology().IsRoot(at)],
        "places": places,
        "keys": [str(key) for key in animation.GetBlendShapeOrder()],
        "weights": weights,
        "seconds": [time / stage.GetTimeCodesPerSecond() for time in times],
        "up": str(UsdGeom.GetStageUpAxis(stage)),
        "metres": UsdGeom.GetStageMetersPerUnit(stage),
        "scales": scales,
    }


def read_abc(path: str) -> dict[str, Any]:
    """Per frame the vertices of the only mesh, in the world; the times."""
    import alembic3d as alembic

    geometry = alembic.AbcGeom
    archive = alembic.Abc.IArchive(path)
    found = []

    def look(parent: Any, above: list[Any]) -> None:
        for at in range(parent.getNumChildren()):
            child = parent.getChild(at)
            if geometry.IPolyMesh.matches(child.getHeader()):
                found.append((geometry.IPolyMesh(parent, child.getName()), above))
            is_place = geometry.IXform.matches(child.getHeader())
            look(child, [*above, geometry.IXform(parent, child.getName())] if is_place else above)

    look(archive.getTop(), [])
    assert len(found) == 1
    mesh, above = found[0]
    schema = mesh.getSchema()
    sampling = schema.getTimeSampling()
    frames, seconds = [], []
    for index in range(schema.getNumSamples()):
        seconds.append(sampling.getSampleTime(index))
        points = schema.getValue(alembic.Abc.ISampleSelector(seconds[-1])).getPositions()
        matrix = None
        for place in above:
            own = place.getSchema().getValue(alembic.Abc.ISampleSelector(seconds[-1])).getMatrix()
            matrix = own if matrix is None else own * matrix
        frames.append([list(point * matrix) if matrix is not None else list(point) for point in points])
    return {"vertices": frames, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps({".usdc": read_usd, ".abc": read_abc}[Path(sys.argv[1]).suffix](sys.argv[1])))
