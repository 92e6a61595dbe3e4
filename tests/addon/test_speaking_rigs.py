# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech on every kind of face, on MakeHuman's real mesh: the mouth opens in vowels, and every p, b and m closes it."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from avanim.avanim_addon.compat import actions  # noqa: E402
from avanim.avanim_addon.face.resolve import resolve  # noqa: E402
from avanim.avanim_addon.scene import face_check, foreign, foreign_face, marks, talk  # noqa: E402
from avanim.avanim_addon.scene.character import meshes_of  # noqa: E402
from avanim.avanim_addon.scene.face_take import write_face_take  # noqa: E402
from avanim.avanim_addon.scene.sample_armature import add_sample_armature  # noqa: E402
from avanim.avanim_addon.takes import tracks  # noqa: E402
from avanim.rigs.articulation import articulate  # noqa: E402
from avanim.rigs.characters.makehuman import find_data  # noqa: E402
from avanim.rigs.errors import InputError  # noqa: E402
from avanim.rigs.face import ARKIT_52, FaceTrack  # noqa: E402
from avanim.rigs.face_conventions import face_conventions  # noqa: E402
from avanim.rigs.phones import Phones  # noqa: E402
from avanim.rigs.sample_rig import sample_rig  # noqa: E402

from .makehuman_rigs import RIGS, MakeHuman  # noqa: E402

FPS, LONG = 24, 0.125
SAID = "aa p o b i m u p ae m a".split()
START = 0.25
# Vertices of the lips' inner rims, in the middle of the mouth.
UPPER, LOWER = [474, 520], [493, 523]


@pytest.fixture(scope="module")
def human():
    try:
        return MakeHuman(find_data())
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def speech():
    """Frames of a sentence, and which of them lie in the middle of a closure."""
    start = START + LONG * np.arange(len(SAID))
    phones = Phones(start, start + LONG, tuple(SAID), np.ones(len(SAID)))
    weights = articulate(phones, START + LONG * len(SAID) + 0.25, FPS)
    blink = [ARKIT_52.index(f"eyeBlink{side}") for side in ("Left", "Right")]
    weights[-3:, blink] = 1.0
    none = np.zeros((len(weights), 3))
    closures = [round(FPS * (START + LONG * (at + 0.3))) for at, name in enumerate(SAID) if name in "pbm"]
    return FaceTrack(weights, none, none[:, :2], FPS), phones, closures


def speaking(human, kind):
    """An armature with the body, whose face is of that kind."""
    rig = {"arkit": "default", "units": "default", "jaw": "default", "rigify": "rigify"}.get(kind, "game_engine")
    if rig == "rigify":
        bpy.ops.preferences.addon_enable(module="rigify")
    armature = human.add(rig, keys=kind if kind in ("arkit", "units") else "")
    if kind not in ("arkit", "units", "jaw", "rigify"):
        recipes = {key: target.recipe for key, target in face_conventions()[kind].targets.items()}
        human.sculpt(meshes_of(armature)[0], recipes)
    foreign.map_bones(armature)
    return armature


def gaps(human, armature, track):
    """mm from the lower lip's inner rim up to the upper one's at rest, and on each frame; below 0 they overlap."""
    scene, body = bpy.context.scene, next(mesh for mesh in meshes_of(armature) if mesh.name == "Human")
    found = []
    for frame in range(len(track)):
        scene.frame_set(scene.frame_start + frame)
        vertices = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices
        upper, lower = (np.mean([vertices[at].co for at in some], axis=0) for some in (UPPER, LOWER))
        found.append(1000 * (upper - lower)[2])
    rest = 1000 * (human.points[UPPER].mean(0) - human.points[LOWER].mean(0))[2]
    return rest, np.array(found)


# MetaHuman's curves each move a part of what ARKit's do; their closing is tested by value.
@pytest.mark.parametrize(
    "kind", ["arkit", "units", "oculus", "vrchat", "rocketbox", "vrm", "vrm0", "vroid", "mmd", "jaw"]
)
def test_lips_close_in_every_closure(fresh_scene, human, speech, kind):
    track, _, closures = speech
    bpy.context.scene.render.fps = FPS
    armature = speaking(human, kind)
    action = write_face_take(armature, track, "speech")
    rest, found = gaps(human, armature, track)
    print(f"{kind}: at rest {rest:.1f} mm, closed {found[closures].max():.1f}, open {found.max():.1f}")
    assert found[closures].max() < rest + 0.5, found.round(1)
    assert found.max() > rest + 6
    parts = tracks.parts(armature, tracks.track_of(armature, action))
    assert face_check.why_still(bpy.context.scene, armature, parts) == ""


def test_lips_close_by_rigify_s_controls(fresh_scene, human, speech):
    """By the controls alone; nothing else of the rig has changed, and the lids meet."""
    track, _, closures = speech
    bpy.context.scene.render.fps = FPS
    armature = speaking(human, "rigify")
    armature.pose.bones["lip.T"].location = (0.001, 0.002, 0.003)
    bpy.context.view_layer.update()
    before = {bone.name: bone.matrix_basis.copy() for bone in armature.pose.bones}
    action = write_face_take(armature, track, "speech")
    for bone in armature.pose.bones:
        assert np.abs(np.array(bone.matrix_basis) - np.array(before[bone.name])).max() < 1e-6, bone.name
    groups = {curve.group.name for curve in actions.curves(action)}
    assert {"jaw_master", "lip.T", "lip_end.L.001", "brow.T.L.003"} <= groups
    assert not any(name.startswith(("DEF-", "ORG-", "MCH-")) for name in groups)
    rest, found = gaps(human, armature, track)
    print(f"rigify: at rest {rest:.1f} mm, closed {found[closures].max():.1f}, open {found.max():.1f}")
    assert found[closures].max() < rest + 0.5 and found.max() > rest + 6
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    lids = (posed["lid.T.L.002"].head - posed["lid.B.L.002"].head).length
    open_lids = armature.data.bones["lid.T.L.002"].head_local - armature.data.bones["lid.B.L.002"].head_local
    assert lids < 0.4 * open_lids.length

    # The tongue goes along with the jaw, and comes out by as much as MPFB's own shape has it.
    out = FaceTrack(np.zeros_like(track.weights), track.head, track.gaze, FPS)
    out.weights[8:16, ARKIT_52.index("tongueOut")] = 1.0
    out.weights[16:, ARKIT_52.index("jawOpen")] = 0.5
    for old in tracks.take_tracks(armature):
        old.mute = True
    write_face_take(armature, out, "tongue")
    tip, jaw = np.empty((3, 3)), np.empty((3, 3))
    for row, frame in enumerate((4, 13, 22)):
        bpy.context.scene.frame_set(frame)
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
        tip[row], jaw[row] = posed["DEF-tongue"].head, posed["DEF-teeth.B"].head
    wanted = human.shape(human.targets("arkit")["tongueOut"])[sorted(human.groups["helper-tongue"])]
    wanted = wanted[np.argmin(wanted[:, 1])]
    assert np.linalg.norm(tip[1] - tip[0] - wanted) < 0.25 * np.linalg.norm(wanted)
    assert np.linalg.norm(jaw[1] - jaw[0]) < 1e-4
    assert np.linalg.norm(tip[2] - tip[0]) > 0.5 * np.linalg.norm(jaw[2] - jaw[0]) > 0.002


def test_metahuman_and_cc4_curves_close_as_arkit_s_do(human, speech):
    track, _, closures = speech
    for name, jaw, closed in (("metahuman", "jawOpen", "mouthLipsTogetherUL"), ("cc4", "Jaw_Open", "Mouth_Close")):
        face = foreign_face.recognised_face(list(face_conventions()[name].targets))
        values = face.values(track.weights)
        assert np.abs(values[jaw] - values[closed])[closures].max() < 0.03 and values[jaw].max() > 0.3


def test_fewer_keys_regions_and_held_poses(fresh_scene, human, speech):
    """The controls of a take hold for faces of other names too."""
    track, phones, closures = speech
    bpy.context.scene.render.fps = FPS
    armature = speaking(human, "oculus")
    said = {"phonemes": phones.to_marks(track.seconds)}
    full = write_face_take(armature, track, "full", marks=said)
    few = write_face_take(armature, track, "few", marks=said, error=0.02)
    upper = write_face_take(armature, track, "upper", marks=said, regions=("brows", "eyes"))

    def keys(action):
        parts = tracks.parts(armature, tracks.track_of(armature, action))
        curves = [curve for part in parts[1:] for curve in actions.curves(part.action, "KEY")]
        return sum(len(curve.keyframe_points) for curve in curves), curves

    assert 0 < keys(few)[0] < 0.7 * keys(full)[0] and keys(upper)[0] == 0
    values = {curve.data_path: [curve.evaluate(frame + 1) for frame in closures] for curve in keys(full)[1]}
    for curve in keys(few)[1]:
        now = [curve.evaluate(frame + 1) for frame in closures]
        assert np.abs(np.array(now) - values[curve.data_path]).max() < 0.021
    tracks.use_only(armature, tracks.track_of(armature, few))
    rest, found = gaps(human, armature, track)
    assert found[closures].max() < rest + 0.5
    assert not actions.curves(upper) or {curve.group.name for curve in actions.curves(upper)} <= {"eye_l", "eye_r"}


@pytest.mark.parametrize("rig", [name for name in RIGS if name != "rigify"])
def test_mpfb_s_own_rigs_are_known(fresh_scene, human, rig):
    bones = foreign.map_bones(human.add(rig))
    assert bones.convention == {"default": "mpfb", "game_engine": "unreal4", "cmu_mb": "cmu_bvh"}.get(rig, rig)
    assert min(bones.scores.values()) >= 0.9


def test_a_gain_per_shape_key_and_one_undo(fresh_scene, human, speech):
    track, _, _ = speech
    armature = speaking(human, "oculus")
    face = foreign_face.map_face(armature)
    foreign_face.map_face(armature, face.with_gain("viseme_aa", 0.0))
    write_face_take(armature, track, "speech")
    keys = meshes_of(armature)[0].data.shape_keys
    curves = {
        curve.data_path: curve for curve in actions.curves(keys.animation_data.nla_tracks[0].strips[0].action, "KEY")
    }
    assert max(abs(curves['key_blocks["viseme_aa"].value'].evaluate(frame)) for frame in range(len(track))) == 0
    assert max(curves['key_blocks["viseme_PP"].value'].evaluate(frame) for frame in range(len(track))) > 0.3


@pytest.mark.parametrize("kind", ["oculus", "jaw"])
def test_a_renamed_phoneme_is_solved_again(fresh_scene, human, speech, kind):
    """A vowel that becomes an m closes the mouth there, whatever the shape keys are called."""
    track, phones, _ = speech
    scene = bpy.context.scene
    scene.render.fps = FPS
    armature = speaking(human, kind)
    action = write_face_take(
        armature, track, "speech", {"method": "articulator"}, marks={"phonemes": phones.to_marks(track.seconds)}
    )
    action["avanim_voice"] = "{}"
    frame = round(FPS * (START + LONG * (SAID.index("o") + 0.4)))
    _, before = gaps(human, armature, track)
    marks.show(scene, action)
    vowel = next(marker for marker in scene.timeline_markers if marker.name == "o")
    vowel.name = "m"
    resolve(scene, armature, action)
    rest, after = gaps(human, armature, track)
    assert before[frame] > rest + 3 and after[frame] < rest + 0.5
    last = round(FPS * (START + LONG * (len(SAID) - 0.5)))
    assert after[last] == pytest.approx(before[last], abs=0.5)


def test_the_only_rig_of_a_file_speaks(fresh_scene, human, speech, tmp_path):
    """As `avanim face --rig` does it: mapped where it is not, its scene kept, a camera where there is none."""
    track, phones, _ = speech
    human.add("default", keys="arkit")
    bpy.context.scene["mine"] = 7
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"))
    armature = talk.stage_face(track, phones, None, rig=tmp_path / "rig.blend", name="Said")
    scene = bpy.context.scene
    assert scene["mine"] == 7 and foreign.bones_of(armature).convention == "mpfb" and scene.camera is not None
    assert scene.frame_end == len(track) and "o" in [marker.name for marker in scene.timeline_markers]
    assert len(tracks.parts(armature, tracks.take_tracks(armature)[-1])) == 2
    with pytest.raises(InputError, match="There is no"):
        talk.stage_face(track, phones, None, rig=tmp_path / "none.blend")


def test_one_of_several_rigs_of_a_file_speaks(fresh_scene, speech, tmp_path):
    track, phones, _ = speech
    for name in ("First", "Second"):
        add_sample_armature(sample_rig("mixamo", drop=45), name, shape_keys=("viseme_PP", "viseme_aa", "viseme_O"))
    bpy.context.view_layer.objects.active = None
    bpy.ops.object.select_all(action="DESELECT")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rigs.blend"))
    with pytest.raises(InputError, match="several armatures; choose with --armature: First, Second"):
        talk.stage_face(track, phones, None, rig=tmp_path / "rigs.blend")
    armature = talk.stage_face(track, phones, None, rig=tmp_path / "rigs.blend", of_rig="Second")
    assert armature.name == "Second" and tracks.take_tracks(armature)
    assert not tracks.take_tracks(bpy.data.objects["First"])
