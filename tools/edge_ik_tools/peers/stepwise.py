"""Libraries that give one step of a controller, looped until the target is reached."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_ik_tools.peers.peer import Peer, PeerRefusedError, frame_of, named, urdf_file
from edge_ik_tools.peers.urdf_text import TIP, chain_urdf
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem

# The loop of Pinocchio's documentation, with its numbers.
PIN_STEPS, PIN_TOLERANCE, PIN_RATE, PIN_DAMPING = 1000, 1e-4, 1e-1, 1e-12
# Placo and mink step as far as the linearization says, so a loop of theirs ends sooner: by its
# own tolerance [m, rad], that of mink's examples, or after so many steps.
STEPS, TOLERANCE = 100, 1e-4
# Those of mink's examples.
MINK_SOLVER, MINK_DAMPING, MINK_LM_DAMPING = "daqp", 1e-3, 1.0


def pin(problem: IkProblem, start: FloatArray) -> Peer:
    """Pinocchio: the closed-loop inverse kinematics of its documentation."""
    task, whole = problem.task, problem.task.is_whole
    if task.has_orientation and not whole:
        raise PeerRefusedError("its documented loop has poses, and positions, only")
    import pinocchio

    model = pinocchio.buildModelFromXML(chain_urdf(problem.chain))
    data = model.createData()
    tool = model.getFrameId(TIP)

    def given(target: FloatArray) -> Any:
        rotation = frame_of(task, target)[:3, :3]
        return pinocchio.SE3(np.ascontiguousarray(rotation), target[:3])

    def solve(wanted: Any) -> FloatArray | None:
        q = start.copy()
        for _ in range(PIN_STEPS):
            pinocchio.framesForwardKinematics(model, data, q)
            moved = data.oMf[tool].actInv(wanted)
            if whole:
                error = pinocchio.log(moved).vector
                jlog = pinocchio.Jlog6(moved.inverse())
            else:
                error, jlog = moved.translation, np.eye(6)
            if np.linalg.norm(error) < PIN_TOLERANCE:
                return q
            J = pinocchio.computeFrameJacobian(model, data, q, tool)
            J = -(jlog @ J)[: task.rows]
            gram = J @ J.T + PIN_DAMPING * np.eye(task.rows)
            v = -J.T @ np.linalg.solve(gram, error)
            q = pinocchio.integrate(model, q, v * PIN_RATE)
        return None

    note = "the loop of its documentation, in Python, which ignores limits"
    return Peer(named("pin", "Pinocchio"), solve, given, note=note)


def placo(problem: IkProblem, start: FloatArray) -> Peer:
    """PlaCo: quadratic programs over Pinocchio, which hold the limits; what LeRobot solves with."""
    chain, task = problem.chain, problem.task
    import placo as placo_module

    with urdf_file(chain) as path:
        robot = placo_module.RobotWrapper(str(path))
    solver = placo_module.KinematicsSolver(robot)
    solver.mask_fbase(True)
    names = chain.joint_names
    put: Any
    if task.is_whole:
        whole = solver.add_frame_task(TIP, np.eye(4))

        def put(frame: FloatArray) -> None:
            whole.T_world_frame = frame
    else:
        placed = solver.add_position_task(TIP, np.zeros(3))
        directed = [
            (axis, solver.add_axisalign_task(TIP, np.eye(3)[axis], np.eye(3)[axis]))
            for axis in task.directions
        ]

        def put(frame: FloatArray) -> None:
            placed.target_world = frame[:3, 3]
            for axis, one in directed:
                one.targetAxis_world = frame[:3, axis]

    def solve(frame: FloatArray) -> FloatArray | None:
        for name, value in zip(names, start.tolist(), strict=True):
            robot.set_joint(name, value)
        robot.update_kinematics()
        put(frame)
        for _ in range(STEPS):
            try:
                solver.solve(True)
            except RuntimeError:
                return None  # its quadratic program has no solution
            robot.update_kinematics()
            if _is_near(task.directions, robot.get_T_world_frame(TIP), frame):
                break
        return np.array([robot.get_joint(name) for name in names])

    note = f"its steps looped from Python, up to {STEPS}, to {1e3 * TOLERANCE:g} mm"
    return Peer(named("placo", "placo"), solve, lambda target: frame_of(task, target), note=note)


def mink(problem: IkProblem, start: FloatArray) -> Peer:
    """mink: quadratic programs over MuJoCo, which hold the limits."""
    chain, task = problem.chain, problem.task
    import mink as mink_module
    import mujoco

    # Otherwise a tool that does not move against the last link is no body of its own.
    compiler = '<mujoco><compiler fusestatic="false"/></mujoco>'
    head, rest = chain_urdf(chain).split("\n", 1)
    model = mujoco.MjModel.from_xml_string(f"{head}\n{compiler}\n{rest}")
    configuration = mink_module.Configuration(model)
    limits = [mink_module.ConfigurationLimit(model)]
    turned = 1.0 if task.is_whole else 0.0
    placed = mink_module.FrameTask(TIP, "body", 1.0, turned, lm_damping=MINK_LM_DAMPING)
    directed = []
    if not task.is_whole:
        directed = [
            (axis, mink_module.AxisAlignTask(TIP, "body", np.eye(3)[axis]))
            for axis in task.directions
        ]
    tasks = [placed, *(one for _, one in directed)]

    def solve(frame: FloatArray) -> FloatArray | None:
        configuration.update(start)
        placed.set_target(mink_module.SE3.from_matrix(frame))
        for axis, one in directed:
            one.set_target(frame[:3, axis])
        for _ in range(STEPS):
            try:
                v = mink_module.solve_ik(
                    configuration, tasks, 1.0, MINK_SOLVER, MINK_DAMPING, limits=limits
                )
            except mink_module.NoSolutionFound:
                return None
            configuration.integrate_inplace(v, 1.0)
            pose = configuration.get_transform_frame_to_world(TIP, "body").as_matrix()
            if _is_near(task.directions, pose, frame):
                break
        return np.array(configuration.q)

    note = f"its steps looped from Python, up to {STEPS}, to {1e3 * TOLERANCE:g} mm"
    return Peer(named("mink", "mink"), solve, lambda target: frame_of(task, target), note=note)


def _is_near(directions: tuple[int, ...], pose: FloatArray, frame: FloatArray) -> bool:
    """Whether a pose (4, 4) is the frame to `TOLERANCE`, as far as axes are directed."""
    columns = [*directions, 3]
    return bool(np.abs(pose[:3, columns] - frame[:3, columns]).max() < TOLERANCE)
