"""Kinematics of random chains against Pinocchio (URDF) and MuJoCo (MJCF)."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge_ik.arms.load import select_chain
from edge_ik.arms.mjcf import parse_mjcf
from edge_ik.arms.robot_toml import parse_toml
from edge_ik.arms.tree import build_tree
from edge_ik.arms.urdf import parse_urdf
from edge_ik.arms.write_urdf import chain_urdf
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics, jacobian

EXACT = {"rtol": 0, "atol": 1e-9}
KINDS = ("revolute", "continuous", "prismatic", "mimic", "fixed")

lengths = st.floats(-1, 1, width=32)
angles = st.floats(-3.140625, 3.140625, width=32)
triples = st.tuples(lengths, lengths, lengths)
turns = st.tuples(angles, angles, angles)
axes = triples.filter(lambda axis: np.linalg.norm(axis) > 0.05)
bounds = st.tuples(st.floats(-3, 0, width=32), st.floats(0.125, 3, width=32))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def chains(draw):
    """One to nine joints that move by themselves or follow, fixed ones between them."""
    count = draw(st.integers(1, 9))
    kinds = ["revolute" if k == 0 else draw(st.sampled_from(KINDS[:4])) for k in range(count)]
    kinds = draw(st.permutations(kinds))
    for place in sorted(draw(st.sets(st.integers(0, count), max_size=3)), reverse=True):
        kinds.insert(place, "fixed")
    joints = []
    for number, kind in enumerate(kinds):
        joint = {
            "name": f"j{number}",
            "kind": kind,
            "xyz": draw(triples),
            "rpy": draw(turns),
            "axis": draw(axes),
            "limits": draw(bounds),
        }
        if kind == "mimic":
            moving = [k for k, other in enumerate(kinds) if other not in ("fixed", "mimic")]
            # What follows may also follow one that follows.
            moving += [other["number"] for other in joints if "leader" in other]
            joint["leader"] = f"j{draw(st.sampled_from(moving))}"
            joint["multiplier"] = draw(st.sampled_from([-2.0, -1.0, 0.5, 1.0, 1.7]))
            joint["offset"] = draw(st.floats(-0.5, 0.5, width=32))
            joint["slides"] = draw(st.booleans())
        joints.append({**joint, "number": number})
    return joints


def words(numbers):
    return " ".join(repr(float(number)) for number in numbers)


def kind_of(joint):
    return (
        ("prismatic" if joint["slides"] else "revolute")
        if joint["kind"] == "mimic"
        else joint["kind"]
    )


def urdf_of(joints):
    parts = ['<link name="l0"/>']
    for number, joint in enumerate(joints):
        mimic = limit = ""
        if joint["kind"] == "mimic":
            mimic = (
                f'<mimic joint="{joint["leader"]}" multiplier="{joint["multiplier"]!r}" '
                f'offset="{joint["offset"]!r}"/>'
            )
            if joint["slides"]:
                limit = '<limit lower="-9" upper="9" effort="1" velocity="1"/>'
        elif joint["kind"] in ("revolute", "prismatic"):
            lower, upper = joint["limits"]
            limit = f'<limit lower="{lower!r}" upper="{upper!r}" effort="1" velocity="1"/>'
        parts.append(
            f'<link name="l{number + 1}"/><joint name="{joint["name"]}" type="{kind_of(joint)}">'
            f'<parent link="l{number}"/><child link="l{number + 1}"/>'
            f'<origin xyz="{words(joint["xyz"])}" rpy="{words(joint["rpy"])}"/>'
            f'<axis xyz="{words(joint["axis"])}"/>{limit}{mimic}</joint>'
        )
    return f'<robot name="random">{"".join(parts)}</robot>'


def selected(description, **ends):
    return select_chain(build_tree(description), **ends).chain


def drawn(chain, seed, count=3):
    return np.random.default_rng(seed).uniform(chain.lower, chain.upper, (count, len(chain)))


def free(joints):
    return [joint["name"] for joint in joints if joint["kind"] not in ("fixed", "mimic")]


def led(joints, values):
    """Where every joint is, followers by what they follow."""
    known = {joint["name"]: joint for joint in joints}

    def value(name):
        joint = known[name]
        if joint["kind"] != "mimic":
            return values[name]
        return joint["multiplier"] * value(joint["leader"]) + joint["offset"]

    return {joint["name"]: value(joint["name"]) for joint in joints if joint["kind"] != "fixed"}


def slopes(joints, name):
    """How far each joint moves when a free one does: dq_i / dq_name."""
    at_one, at_zero = (
        led(joints, {other: float(other == name) * scale for other in free(joints)})
        for scale in (1.0, 0.0)
    )
    return {joint: at_one[joint] - at_zero[joint] for joint in at_one}


def without_mimic(joints):
    """The same robot for a library in which every joint is free, with limits it accepts."""
    return [
        {**joint, "kind": kind_of(joint)} if joint["kind"] == "mimic" else joint for joint in joints
    ]


@settings(max_examples=60)
@given(joints=chains(), seed=seeds)
def test_urdf_agrees_with_pinocchio(joints, seed):
    pinocchio = pytest.importorskip("pinocchio")
    tip = f"l{len(joints)}"
    chain = selected(parse_urdf(urdf_of(joints), "random.urdf"), base="l0", tip=tip)
    assert list(chain.joint_names) == _order(joints)
    model = pinocchio.buildModelFromXML(urdf_of(without_mimic(joints)))
    data = model.createData()
    tool = model.getFrameId(tip)
    for q in drawn(chain, seed):
        values = led(joints, dict(zip(chain.joint_names, q.tolist(), strict=True)))
        configuration = pinocchio.neutral(model)
        for name, value in values.items():
            joint = model.joints[model.getJointId(name)]
            parts = [math.cos(value), math.sin(value)] if joint.nq == 2 else [value]
            configuration[joint.idx_q : joint.idx_q + joint.nq] = parts
        theirs = pinocchio.computeFrameJacobian(
            model, data, configuration, tool, pinocchio.LOCAL_WORLD_ALIGNED
        )
        theirs = theirs.reshape(6, model.nv)
        pinocchio.framesForwardKinematics(model, data, configuration)
        pose = data.oMf[tool].homogeneous
        np.testing.assert_allclose(forward_kinematics(chain, q), pose, **EXACT)
        columns = [
            sum(
                share * theirs[:, model.joints[model.getJointId(other)].idx_v]
                for other, share in slopes(joints, name).items()
            )
            for name in chain.joint_names
        ]
        ours = jacobian(chain, *chain.place(q))
        np.testing.assert_allclose(ours, np.stack(columns, axis=-1), **EXACT)


def _order(joints):
    """The free joints in the order in which a chain first needs them."""
    known = {joint["name"]: joint for joint in joints}
    found = []
    for joint in joints:
        name = joint["name"]
        while known[name]["kind"] == "mimic":
            name = known[name]["leader"]
        if known[name]["kind"] != "fixed" and name not in found:
            found.append(name)
    return found


@settings(max_examples=40)
@given(joints=chains(), seed=seeds)
def test_a_chain_written_as_urdf_is_the_same_chain(joints, seed):
    chain = selected(parse_urdf(urdf_of(joints), "r"), base="l0", tip=f"l{len(joints)}")
    again = selected(parse_urdf(chain_urdf(chain), "r"), base=chain.base, tip=chain.tip)
    assert again.joint_names == chain.joint_names
    np.testing.assert_allclose([again.lower, again.upper], [chain.lower, chain.upper], rtol=1e-12)
    np.testing.assert_array_equal(again.continuous, chain.continuous)
    q = drawn(chain, seed, 5)
    np.testing.assert_allclose(forward_kinematics(again, q), forward_kinematics(chain, q), **EXACT)


@st.composite
def models(draw):
    """MJCF of bodies in a row with up to two joints each, and which joints follow which."""
    degrees = draw(st.booleans())
    unit = math.pi / 180 if degrees else 1.0
    bodies, names, equalities, kinds = "", [], "", {}
    for number in range(draw(st.integers(1, 5))):
        x, y, z = draw(triples)
        frame = draw(
            st.sampled_from(["quat='1 -0.5 0.3 0.8'", "axisangle='1 2 -1 {}'", "euler='{} 0 {}'"])
        ).format(*(draw(angles) / unit for _ in range(2)))
        bodies += f"<body name='b{number}' pos='{x} {y} {z}' {frame}>"
        for own in range(draw(st.integers(0 if names else 1, 2))):
            name = f"j{number}_{own}"
            slides = draw(st.booleans())
            scale = 1.0 if slides else unit
            lower, upper = draw(bounds)
            reference = draw(st.floats(-0.5, 0.5, width=32))
            kinds[name] = slides
            bodies += (
                f"<joint name='{name}' armature='1' type='{'slide' if slides else 'hinge'}' "
                f"pos='{words(draw(triples))}' axis='{words(draw(axes))}' "
                f"ref='{reference / scale}' "
                f"range='{(lower - 1) / scale} {(upper + 1) / scale}'/>"
            )
            if names and draw(st.integers(0, 3)) == 0:
                equalities += (
                    f"<joint joint1='{name}' joint2='{draw(st.sampled_from(names))}' "
                    f"polycoef='{draw(lengths)} {draw(st.sampled_from([-2, 0.5, 1]))} 0 0 0'/>"
                )
            names.append(name)
    bodies += "<site name='tip' pos='0.1 0.2 0.3' euler='0.1 0.2 0.3'/>" + "</body>" * bodies.count(
        "<body"
    )
    return (
        f"<mujoco model='random'><compiler angle='{'degree' if degrees else 'radian'}' "
        "boundmass='1' boundinertia='1'/>"
        f"<worldbody>{bodies}</worldbody><equality>{equalities}</equality></mujoco>"
    )


@settings(max_examples=60)
@given(text=models(), seed=seeds)
def test_mjcf_agrees_with_mujoco(text, seed, tmp_path_factory):
    mujoco = pytest.importorskip("mujoco")
    description = parse_mjcf(text, "random.xml", tmp_path_factory.getbasetemp())
    try:
        chain = selected(description, base="world", tip="tip")
    except RobotError as error:
        # Followers may want their leader where it cannot be.
        assume("no room to move" not in str(error))
        raise
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    for q in drawn(chain, seed):
        names = [segment.name for segment in chain.segments]
        for name, value in zip(names, chain.q_all(q), strict=True):
            data.qpos[model.joint(name).qposadr[0]] = value
        # No more than is looked at: dynamics would warn of inertia that is not there.
        for step in ("kinematics", "comPos", "tendon", "makeConstraint"):
            getattr(mujoco, f"mj_{step}")(model, data)
        # MuJoCo's own residual of the equalities says that followers are where it wants them.
        if data.nefc:
            kinds = data.efc_type[: data.nefc] == int(mujoco.mjtConstraint.mjCNSTR_EQUALITY)
            np.testing.assert_allclose(data.efc_pos[: data.nefc][kinds], 0, atol=1e-9)
        pose = np.eye(4)
        pose[:3, :3] = data.site("tip").xmat.reshape(3, 3)
        pose[:3, 3] = data.site("tip").xpos
        np.testing.assert_allclose(forward_kinematics(chain, q), pose, **EXACT)
        linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacSite(model, data, linear, angular, model.site("tip").id)
        theirs = np.zeros((6, len(chain)))
        for segment in chain.segments:
            dof = model.joint(segment.name).dofadr[0]
            column = np.concatenate([linear[:, dof], angular[:, dof]])
            theirs[:, segment.leader] += segment.multiplier * column
        np.testing.assert_allclose(jacobian(chain, *chain.place(q)), theirs, **EXACT)


def dh_matrix(a, alpha, d, theta, convention):
    """The textbook matrices of one row."""
    ca, sa, ct, s = math.cos(alpha), math.sin(alpha), math.cos(theta), math.sin(theta)
    if convention == "standard":  # Spong, Hutchinson and Vidyasagar, equation 3.10
        rows = [
            [ct, -s * ca, s * sa, a * ct],
            [s, ct * ca, -ct * sa, a * s],
            [0, sa, ca, d],
        ]
    else:  # Craig, equation 3.6
        rows = [
            [ct, -s, 0, a],
            [s * ca, ct * ca, -sa, -sa * d],
            [s * sa, ct * sa, ca, ca * d],
        ]
    return np.array([*rows, [0, 0, 0, 1]], dtype=float)


@given(
    rows=st.lists(
        st.tuples(lengths, angles, lengths, angles, st.booleans()), min_size=1, max_size=7
    ),
    convention=st.sampled_from(["standard", "modified"]),
    degrees=st.booleans(),
    millimetres=st.booleans(),
    seed=seeds,
)
def test_dh_rows_agree_with_the_textbook(rows, convention, degrees, millimetres, seed):
    angle, length = (180 / math.pi if degrees else 1.0), (1000.0 if millimetres else 1.0)
    text = f'name = "dh"\ndh = "{convention}"\n'
    text += 'angles = "degrees"\n' * degrees + 'lengths = "millimetres"\n' * millimetres
    for a, alpha, d, theta, slides in rows:
        unit = length if slides else angle
        text += (
            f'[[joints]]\ntype = "{"prismatic" if slides else "revolute"}"\n'
            f"limits = [{-2 * unit}, {2 * unit}]\n"
            f"a = {a * length}\nalpha = {alpha * angle}\n"
            f"d = {d * length}\ntheta = {theta * angle}\n"
        )
    chain = selected(parse_toml(text, "dh.toml"))
    np.testing.assert_allclose([chain.lower, chain.upper], [[-2] * len(rows), [2] * len(rows)])
    for q in drawn(chain, seed):
        pose = np.eye(4)
        for value, (a, alpha, d, theta, slides) in zip(q, rows, strict=True):
            moved = (d + value, theta) if slides else (d, theta + value)
            pose = pose @ dh_matrix(a, alpha, *moved, convention)
        np.testing.assert_allclose(forward_kinematics(chain, q), pose, **EXACT)
