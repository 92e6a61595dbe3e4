# SPDX-License-Identifier: GPL-3.0-or-later
"""One dance on a rig of every convention: directions kept, feet that stand, nothing below the floor."""

import time
from dataclasses import replace

import numpy as np
import pytest
from avanim.rigs.average import average_rest
from avanim.rigs.bone_mapping import BoneMap, recognised
from avanim.rigs.contacts import posed_soles
from avanim.rigs.conventions import conventions
from avanim.rigs.errors import InputError
from avanim.rigs.feet import plant_feet
from avanim.rigs.key_reduction import degrees_between, reduced
from avanim.rigs.motion import Motion
from avanim.rigs.moves import Placed, perform
from avanim.rigs.retarget import Wishes, retarget
from avanim.rigs.retarget_source import motion_of, motion_of_bvh
from avanim.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from avanim.rigs.sample_rig import sample_rig
from hypothesis import given, settings
from hypothesis import strategies as st

REST = average_rest("smpl24")
LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))


@pytest.fixture(scope="module")
def dance():
    """Four seconds: steps from side to side with a turn, swinging arms, on the average body."""
    time_ = np.arange(120) / 30
    poses = np.zeros((120, 24, 3))
    index = REST.skeleton.index
    beat = np.sin(2 * np.pi * time_)
    poses[:, 0, 1] = 0.5 * np.sin(np.pi * time_ / 2)
    poses[:, index("left_shoulder"), 2] = -0.9 + 0.5 * beat
    poses[:, index("right_shoulder"), 2] = 0.9 + 0.5 * beat
    poses[:, index("left_elbow"), 1] = -0.7 + 0.4 * beat
    poses[:, index("right_elbow"), 1] = 0.7 + 0.4 * beat
    for name, size in (("spine1", 0.15), ("spine2", 0.1), ("neck", 0.2), ("head", 0.1)):
        poses[:, index(name), 1] = size * beat
    for side, lift in (("left", np.maximum(0, beat)), ("right", np.maximum(0, -beat))):
        poses[:, index(f"{side}_hip"), 0] = -0.9 * lift - 0.2
        poses[:, index(f"{side}_knee"), 0] = 1.4 * lift + 0.4
        poses[:, index(f"{side}_ankle"), 0] = -0.5 * lift - 0.2
    trans = np.stack([0.05 * beat, np.full(120, 1.15), 0 * beat], axis=1)
    return plant_feet(Motion(poses, trans, 30.0), REST)


@pytest.fixture(scope="module")
def figures():
    """Ten seconds of figures with long strides, swivels on both balls, bent knees and jumps, on the average body."""
    placed = [Placed(name, beat) for name, beat in (("grapevine", 1), ("swivel", 9), ("jump", 17), ("salsa_turn", 21))]
    return perform(placed, np.arange(31) * 60 / 160, REST, 30.0).motion


def still(motion, shape, bones, carried):
    """m/s and m: how fast heels and balls move where the source's stand still, and how deep soles go, of the bones."""
    points = posed_soles(*REST.forward(motion.poses, motion.trans), REST)[:, :, :2]
    speed = np.linalg.norm(np.diff(points, axis=0), axis=-1) * motion.fps
    low = points[..., 1] - points[..., 1].min()
    stood = (speed < 0.005) & (low[1:] < 0.005) & (low[:-1] < 0.005)
    ours = []
    for side in ("left", "right"):
        ankle, toes = bones.bones[f"{side}_ankle"], bones.bones[f"{side}_foot"]
        rest, along = shape.heads[shape.index(ankle)], shape.heads[shape.index(toes)] - shape.heads[shape.index(ankle)]
        for share in (-0.4, 1.0):
            point = along * [share, 0, share] - [0, rest[1], 0]
            ours.append(carried.places[ankle] + np.einsum("tij,j->ti", carried.turns[ankle], point))
    ours = np.stack(ours, axis=1).reshape(-1, 2, 2, 3)
    speeds = np.linalg.norm(np.diff(ours, axis=0), axis=-1) * motion.fps
    assert stood.mean() > 0.1
    return speeds[stood].max(), max(0.0, -ours[..., 1].min())


def angles(dance, carried, bones):
    """By limb the angle (T,) in degrees between the source's direction and the rig's."""
    places, _ = REST.forward(dance.poses, dance.trans)
    found = {}
    for side in ("left", "right"):
        for first, second in LIMBS:
            start, end = f"{side}_{first}", f"{side}_{second}"
            theirs = places[:, REST.skeleton.index(end)] - places[:, REST.skeleton.index(start)]
            ours = carried.places[bones.bones[end]] - carried.places[bones.bones[start]]
            cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
            found[start] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return found


def rebuilt(shape, carried):
    """Turns and places of all bones from the keys alone, as a program that plays them has it."""
    turns = np.empty((len(carried), len(shape), 3, 3))
    places = np.empty((len(carried), len(shape), 3))
    for at, (name, parent) in enumerate(zip(shape.names, shape.parents, strict=True)):
        above = turns[:, parent] if parent >= 0 else np.tile(np.eye(3), (len(carried), 1, 1))
        step = shape.heads[at] - (shape.heads[parent] if parent >= 0 else 0)
        places[:, at] = (places[:, parent] if parent >= 0 else 0) + np.einsum("tij,j->ti", above, step)
        turns[:, at] = above
        axes = shape.axes[at]
        if name in carried.locations:
            places[:, at] += np.einsum("tij,tj->ti", above, carried.locations[name] @ axes.T)
        if name in carried.quaternions:
            from avanim.rigs.rotation import matrix_from_quaternion

            turns[:, at] = above @ axes @ matrix_from_quaternion(carried.quaternions[name]) @ axes.T
    return turns, places


BUILDS = {
    "alike": {"height": 1.5},
    "long legs": {"legs": 1.12, "arms": 0.9},
    "short legs": {"height": 0.7, "legs": 0.88},
    "long shins": {"shins": 1.08},
}


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("name", conventions())
def test_a_dance_on_every_convention(figures, name, build):
    """A-pose, random rolls, other sizes and proportions: all limbs within 3°, no slide, nothing below the floor."""
    shape = sample_rig(name, drop=45, swing=10, **BUILDS[build])
    bones = recognised(shape)
    carried = retarget(figures, shape, bones, rest=REST)
    found = angles(figures, carried, bones)
    assert max(angle.max() for angle in found.values()) < 3
    assert max(found[f"{side}_{joint}"].max() for side in ("left", "right") for joint in ("shoulder", "elbow")) < 1e-4
    assert carried.legs.pinned.any(axis=(0, 2)).all()
    assert carried.legs.slide(30) < 0.01 and carried.legs.depth < 0.01
    speed, depth = still(figures, shape, bones, carried)
    assert speed < 0.01 and depth < 0.01
    assert all(np.isfinite(keys).all() for keys in carried.quaternions.values())
    # Trunk and head turn as the source does, and feet to 3°.
    _, turned = REST.forward(figures.poses, figures.trans)
    for role in ("pelvis", "spine3", "head"):
        assert np.abs(carried.turns[bones.bones[role]] - turned[:, REST.skeleton.index(role)]).max() < 1e-6
    for role in ("left_ankle", "right_ankle"):
        off = np.swapaxes(carried.turns[bones.bones[role]], 1, 2) @ turned[:, REST.skeleton.index(role)]
        assert np.degrees(np.linalg.norm(axis_angle_from_matrix(off), axis=-1)).max() < 3


@pytest.mark.parametrize("name", ["unreal5", "mpfb", "mixamo", "cmu_bvh"])
def test_the_keys_put_the_bones_there(dance, name):
    shape = sample_rig(name, drop=45)
    bones = recognised(shape)
    carried = retarget(dance, shape, bones, rest=REST)
    turns, places = rebuilt(shape, carried)
    for bone in carried.turns:
        assert np.abs(turns[:, shape.index(bone)] - carried.turns[bone]).max() < 1e-9
        assert np.abs(places[:, shape.index(bone)] - carried.places[bone]).max() < 1e-9


def test_without_planting_nothing_bends(figures):
    shape = sample_rig("unreal5", drop=45, legs=1.15, arms=0.85, shins=1.2)
    bones = recognised(shape)
    free = retarget(figures, shape, bones, Wishes(feet=False), rest=REST)
    assert max(angle.max() for angle in angles(figures, free, bones).values()) < 1e-4
    kept = retarget(figures, shape, bones, rest=REST)
    assert free.legs.depth > 0.01 > kept.legs.depth


@pytest.mark.parametrize("shins", [0.85, 1.2])
def test_strange_legs_bend_as_little_as_feet_that_stand_let_them(figures, shins):
    """Shins half as long again as thighs, or a third shorter: no longer within 3°, but feet stand and nothing leaps."""
    shape = sample_rig("mixamo", drop=45, shins=shins)
    bones = recognised(shape)
    carried = retarget(figures, shape, bones, rest=REST)
    legs = np.concatenate(
        [angle for limb, angle in angles(figures, carried, bones).items() if "hip" in limb or "knee" in limb]
    )
    assert np.percentile(legs, 95) < 3 and legs.max() < 8
    speed, depth = still(figures, shape, bones, carried)
    assert speed < 0.01 and depth < 0.01


@pytest.mark.parametrize("build", BUILDS)
def test_the_pelvis_does_not_bob(figures, build):
    """It goes where the legs' own lengths put it, no more jerkily than the source's, and stays near its way."""
    shape = sample_rig("mixamo", drop=45, **BUILDS[build])
    bones = recognised(shape)
    carried = retarget(figures, shape, bones, rest=REST)
    theirs = carried.scale * REST.forward(figures.poses, figures.trans)[0][:, 0]
    ours = carried.places[bones.bones["pelvis"]]
    off = ours - theirs - np.median(ours - theirs, axis=0)
    assert np.abs(off[:, 1]).max() < 0.02 * carried.scale and np.abs(off).max() < 0.15 * carried.scale
    jerk = [np.linalg.norm(np.diff(way, 3, axis=0), axis=-1) * 30**3 for way in (ours, theirs)]
    assert np.percentile(jerk[0], 99) < 1.2 * np.percentile(jerk[1], 99)


def test_the_size_of_a_rig_does_not_matter(figures):
    """A giant's hips go the same way, in his measure."""
    ways = []
    for height in (0.05, 1.0, 40.0):
        shape = sample_rig("mixamo", legs=1.12, height=height)
        carried = retarget(figures, shape, recognised(shape), rest=REST)
        ways.append(carried.places["Hips"] / height)
    assert np.abs(ways[0] - ways[1]).max() < 1e-5 and np.abs(ways[2] - ways[1]).max() < 1e-5


def test_root_motion(dance):
    moved = replace(dance, trans=dance.trans + np.linspace(0, 2, len(dance))[:, None] * [1, 0, 0])
    shape = sample_rig("unreal5")
    bones = recognised(shape)
    root = retarget(moved, shape, bones, Wishes(root="root", feet=False), rest=REST)
    hips = retarget(moved, shape, bones, Wishes(feet=False), rest=REST)
    still = retarget(moved, shape, bones, Wishes(root="in_place", feet=False), rest=REST)
    assert np.abs(root.places["pelvis"] - hips.places["pelvis"]).max() < 1e-9
    assert np.abs(root.places["root"][:, 1]).max() < 1e-9 and np.ptp(root.places["root"][:, 0]) > 1.5
    # The heading goes with it: the pelvis turns no further than leaning in its own frame.
    assert np.degrees(np.abs(axis_angle_from_matrix(root.turns["root"])[:, [0, 2]])).max() < 1e-6
    assert "root" not in hips.locations and np.ptp(still.places["pelvis"][:, [0, 2]], axis=0).max() < 1e-9


def test_twist_bones_take_half(dance):
    poses = dance.poses.copy()
    poses[:, REST.skeleton.index("left_wrist"), 0] = np.linspace(0, 1.2, len(dance))
    shape = sample_rig("unreal5")
    carried = retarget(replace(dance, poses=poses), shape, recognised(shape), rest=REST)
    bend = np.swapaxes(carried.turns["lowerarm_l"], -1, -2) @ carried.turns["lowerarm_twist_01_l"]
    angle = np.linalg.norm(axis_angle_from_matrix(bend), axis=-1)
    assert 0.4 < angle[-1] < 0.65 and angle[0] < 0.05


def test_hands_that_clap(dance):
    """On longer arms the wrists of a clap come as near as they were, in the rig's own measure."""
    places, _ = REST.forward(dance.poses, dance.trans)
    poses = dance.poses.copy()
    index = REST.skeleton.index
    poses[:, index("left_shoulder")] = [0, -1.75, 0]
    poses[:, index("right_shoulder")] = [0, 1.75, 0]
    poses[:, index("left_elbow")] = [0, -0.3, 0]
    poses[:, index("right_elbow")] = [0, 0.3, 0]
    clap = replace(dance, poses=poses)
    places, _ = REST.forward(clap.poses, clap.trans)
    apart = np.linalg.norm(places[:, index("left_wrist")] - places[:, index("right_wrist")], axis=-1)
    assert apart.max() < 0.14
    shape = sample_rig("mixamo", arms=1.2)
    off = {}
    for hands in (False, True):
        carried = retarget(clap, shape, recognised(shape), Wishes(hands=hands), rest=REST)
        ours = np.linalg.norm(carried.places["LeftHand"] - carried.places["RightHand"], axis=-1)
        off[hands] = np.abs(ours - carried.scale * apart).max()
    assert off[True] < 0.01 < off[False]


def test_fingers_are_at_ease_unless_the_motion_moves_them(dance):
    shape = sample_rig("mixamo")
    bones = recognised(shape)
    assert "LeftHandIndex1" in retarget(dance, shape, bones, rest=REST).quaternions
    assert "LeftHandIndex1" not in retarget(dance, shape, bones, Wishes(fingers="rest"), rest=REST).quaternions
    moving = dance.on("smplx55")
    moving.poses[:, moving.rig.index("left_index1"), 2] = -1.0
    carried = retarget(moving, shape, bones, Wishes(fingers="rest"))
    bend = np.swapaxes(carried.turns["LeftHand"], -1, -2) @ carried.turns["LeftHandIndex1"]
    assert np.allclose(np.linalg.norm(axis_angle_from_matrix(bend), axis=-1), 1.0, atol=0.15)


def test_the_way_back(dance):
    """A rig's own motion becomes the model's again, whatever its rest pose."""
    shape = sample_rig("mixamo", drop=45, swing=10)
    bones = recognised(shape)
    turns, places = rebuilt(shape, retarget(dance, shape, bones, Wishes(feet=False, level=False), rest=REST))
    back = motion_of(shape, bones, turns, places, 30.0, rest=REST)
    there, again = REST.forward(dance.poses, dance.trans)[0], REST.forward(back.poses, back.trans)[0]
    assert np.abs(there[:, :22] - again[:, :22]).max() < 2e-3


def test_a_bvh_of_another_skeleton(dance, tmp_path):
    from avanim.rigs.bvh import BvhClip, load_bvh

    shape = sample_rig("cmu_bvh", fingers=False, seed=None)
    carried = retarget(dance, shape, recognised(shape), Wishes(feet=False, level=False), rest=REST)
    turns, places = rebuilt(shape, carried)
    local, offsets = turns.copy(), shape.heads.copy()
    for at, parent in enumerate(shape.parents):
        if parent >= 0:
            local[:, at] = np.swapaxes(turns[:, parent], -1, -2) @ turns[:, at]
            offsets[at] -= shape.heads[parent]
    positions = np.tile(offsets, (len(dance), 1, 1))
    positions[:, 0] = places[:, 0]
    clip = BvhClip(shape.names, shape.parents, offsets, axis_angle_from_matrix(local), positions, 30.0)
    motion = motion_of_bvh(clip, rest=REST)
    again, there = REST.forward(motion.poses, motion.trans)[0], REST.forward(dance.poses, dance.trans)[0]
    wrist = [REST.skeleton.index(name) for name in ("left_wrist", "right_ankle", "head")]
    assert np.abs((again - again[:, :1])[:, wrist] - (there - there[:, :1])[:, wrist]).max() < 0.01
    assert load_bvh is not None


def test_a_minute_to_mixamo_takes_less_than_a_second(dance):
    """Of the processor, which others share."""
    long = replace(dance, poses=np.tile(dance.poses, (15, 1, 1)), trans=np.tile(dance.trans, (15, 1)))
    assert len(long) == 1800
    shape = sample_rig("mixamo", drop=45, prefix="mixamorig:")
    bones = recognised(shape)
    times = []
    for _ in range(3):
        begin = time.process_time()
        retarget(long, shape, bones, rest=REST)
        times.append(time.process_time() - begin)
    assert min(times) < 1.0


@settings(max_examples=25, deadline=None)
@given(st.floats(-20, 75), st.floats(-30, 30), st.integers(0, 1000), st.floats(0.2, 30))
def test_any_rest_pose_roll_and_size(drop, swing, seed, height):
    random = np.random.default_rng(seed)
    poses = random.uniform(-0.6, 0.6, (5, 24, 3))
    motion = Motion(poses, random.uniform(-1, 1, (5, 3)), 30.0)
    shape = sample_rig("vrm", drop=drop, swing=swing, seed=seed, height=height, fingers=False)
    bones = recognised(shape)
    carried = retarget(motion, shape, bones, Wishes(feet=False), rest=REST)
    assert max(angle.max() for angle in angles(motion, carried, bones).values()) < 1e-3
    assert carried.scale == pytest.approx(height, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 5))
def test_reduced_keys_stay_within_their_error(seed, bound):
    random = np.random.default_rng(seed)
    turns = np.cumsum(random.normal(0, 0.05, (80, 3)), axis=0)
    from avanim.rigs.rotation import quaternion_from_axis_angle, sign_continuous

    quaternions = sign_continuous(quaternion_from_axis_angle(turns))
    kept = reduced(quaternions, degrees_between, bound)
    assert degrees_between(kept.at(80), quaternions).max() <= bound * (1 + 1e-9)
    assert kept.frames[0] == 0 and kept.frames[-1] == 79 and len(kept.frames) <= 80


def test_smooth_motion_needs_few_keys():
    angle = np.sin(np.arange(300) / 20)
    quaternions = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    assert len(reduced(quaternions, degrees_between, 0.5).frames) < 40
    assert len(reduced(quaternions * 0 + [1, 0, 0, 0], degrees_between, 0.5).frames) == 2


def test_bad_wishes_and_maps(dance):
    shape = sample_rig("mixamo")
    bones = recognised(shape)
    for wish in ({"root": "moon"}, {"fingers": "crossed"}, {"scale": 0.0}, {"scale": float("nan")}):
        with pytest.raises(InputError):
            Wishes(**wish)
    no_legs = BoneMap({role: bone for role, bone in bones.bones.items() if "hip" not in role and "knee" not in role})
    with pytest.raises(InputError, match="left hip"):
        retarget(dance, shape, no_legs, rest=REST)
    with pytest.raises(InputError, match="both"):
        retarget(dance, shape, BoneMap(bones.bones | {"left_knee": bones.bones["left_hip"]}), rest=REST)
    flat = replace(shape, heads=shape.heads.copy())
    flat.heads[shape.index("LeftLeg")] = flat.heads[shape.index("LeftUpLeg")]
    with pytest.raises(InputError, match="begin in one place"):
        retarget(dance, flat, bones, rest=REST)
    assert matrix_from_axis_angle(np.zeros(3)).shape == (3, 3)
