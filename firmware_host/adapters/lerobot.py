"""The interface of LeRobot's `RobotKinematics`, answered from an edge-ik model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import numpy as np
import numpy.typing as npt

from firmware_host.adapters.weighted import Settled, WeightedPose, weighed
from firmware_host.chain import FloatArray
from firmware_host.errors import ConfigError, ModelFileError, TargetError
from firmware_host.given import numbers_given, path_given
from firmware_host.solver import IkSolver
from firmware_host.tasks import POSE
from firmware_host.tasks.targets import checked_target
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION

# Joints leave the posture they are in for another where that takes away half of the weighted
# error, which is squared in the cost: for less, no arm should swing around.
WORTH_LEAVING = 0.25
# Beside the nearest of the model's answers so many are gone on from: those that cost least.
TRIED_ANSWERS = 3
# What descriptions of robots are called.
ROBOTS = frozenset({".urdf", ".xacro", ".xml", ".mjcf", ".toml"})


class RobotKinematics:
    """LeRobot's `RobotKinematics` (`lerobot.model.kinematics`) without placo.

    Joints are in degrees, as LeRobot has them, joints that slide in metres. What is no joint of
    the model, such as the gripper's opening, is passed through.

    An answer makes `position_weight` times the squared distance [m^2] plus `orientation_weight`
    times the squared angle [rad^2] small, as placo's does, however far away the pose is. Placo
    takes one step toward it in a call; here a call goes all the way, to a posture from which no
    small move lowers the sum. Steps go from the present joints, and where they do not reach the
    pose, also from the best of the model's answers; what is found there is taken where it
    leaves at most half of the weighted error, so that the arm does not swing around for less.
    There may be a better posture yet, far from all of these. Limits hold in every answer.

    Five joints, such as an SO-101's, reach any position in their workspace, and of the
    orientation there two parts out of three: how the gripper is pitched and rolled. The third
    follows from the position, for the arm's plane contains it. Of a pose that asks for another
    one the answer is a compromise: with LeRobot's weights of 1 and 0.01, a pose in front of the
    arm that is turned by 10 degrees about the vertical is missed by 6 degrees and 3 mm; with an
    `orientation_weight` of 0 the position is reached. A model of the task `axis` finds postures for
    the position and the direction of one tool axis, one of the task `position` for the position
    alone; the rest of the orientation is found from there, as near as it lies.

    Args:
        urdf_path: The model file, which carries its robot, or a solver made of one. It stands
            where LeRobot has a URDF, and is called as it is there.
        target_frame_name: The frame that poses are of; that of the model.
        joint_names: What the numbers of a joint vector are, the model's joints among them;
            the model's joints in their order without it.

    Raises:
        ConfigError: If a URDF is given, the model is of another frame, or one of its joints is
            not named.
        EdgeIkError: If the model cannot be loaded; see `IkSolver.load`.
    """

    def __init__(
        self,
        urdf_path: str | Path | IkSolver,
        target_frame_name: str = "gripper_frame_link",
        joint_names: Sequence[str] | None = None,
    ) -> None:
        self.solver = urdf_path if isinstance(urdf_path, IkSolver) else _loaded(urdf_path)
        chain = self.solver.chain
        if target_frame_name != chain.tip:
            raise ConfigError(
                f"The model is of the frame '{chain.tip}'. Expected it as target_frame_name. "
                f"Received: {target_frame_name!r}"
            )
        self.target_frame_name = target_frame_name
        self.joint_names = list(chain.joint_names if joint_names is None else joint_names)
        missing = [name for name in chain.joint_names if name not in self.joint_names]
        if missing:
            raise ConfigError(
                f"The model's joints are {', '.join(chain.joint_names)}. Expected each among "
                f"joint_names. Received none called {', '.join(missing)}"
            )
        self._places = [self.joint_names.index(name) for name in chain.joint_names]
        self._steps = WeightedPose(chain)
        # Of one joint's number in LeRobot's units [rad/deg, m/m].
        self._units = np.where(chain.prismatic, 1.0, math.radians(1.0))

    def forward_kinematics(self, joint_pos_deg: npt.ArrayLike) -> FloatArray:
        """Pose of the frame in the base frame (4, 4) [m] at joints [deg].

        Raises:
            TargetError: If they are too few, or no finite numbers.
        """
        return self.solver.forward(self._joints(self._given(joint_pos_deg)))

    def inverse_kinematics(
        self,
        current_joint_pos: npt.ArrayLike,
        desired_ee_pose: npt.ArrayLike,
        position_weight: float = 1.0,
        orientation_weight: float = 0.01,
    ) -> FloatArray:
        """The joints [deg] that bring the frame nearest to a pose, by weights.

        Args:
            current_joint_pos: Present joints [deg], as `joint_names` tells, and what else is
                to be passed through behind them.
            desired_ee_pose: (4, 4) pose of the frame in the base frame [m].
            position_weight: How much a squared distance counts, 0 or more.
            orientation_weight: How much a squared angle counts; 0 for the position alone.

        Returns:
            As many numbers as `current_joint_pos` has.

        Raises:
            TargetError: If an argument has another shape or is no finite number, the pose is
                none, or no weight is above 0.
        """
        given = self._given(current_joint_pos)
        near = self._joints(given)
        # The nearest rotation to the one given, in the form that every solver takes.
        pose = POSE.given(checked_target(desired_ee_pose, task=POSE)[None])[0]
        weights = _weights(position_weight, orientation_weight)
        found = self._nearest(near, pose, weights)
        result = given.copy()
        result[self._places] = found.q / self._units
        return result

    def _nearest(self, near: FloatArray, pose: FloatArray, weights: FloatArray) -> Settled:
        """The answer from the present joints, or from the model's where that is worth it."""
        here = self._steps.settle(near, pose, weights)
        if _reached(here, weights):
            return here
        there = self._from_answers(near, pose, weights)
        return there if there.cost < WORTH_LEAVING * here.cost else here

    def _from_answers(self, near: FloatArray, pose: FloatArray, weights: FloatArray) -> Settled:
        """The best of what is found from the model's answers, the nearest one first."""
        chain, task = self.solver.chain, self.solver.task
        target = pose if task.has_orientation else pose[list(task.place), 3]
        best = self._steps.settle(
            chain.nearest_turn(self.solver.solve(target, near).q, near), pose, weights
        )
        if _reached(best, weights):
            return best
        branches = range(len(self.solver.branches))
        answers = [self.solver.solve(target, branch=branch).q for branch in branches]
        answers.sort(key=lambda q: self._steps.cost(q, pose, weights))
        for q in answers[:TRIED_ANSWERS]:
            found = self._steps.settle(chain.nearest_turn(q, near), pose, weights)
            best = found if found.cost < best.cost else best
            if _reached(best, weights):
                break
        return best

    def _given(self, values: npt.ArrayLike) -> FloatArray:
        """Joints as they are given, as numbers of their own."""
        given = numbers_given(values, "the joints")
        if given.ndim != 1 or len(given) < len(self.joint_names):
            raise TargetError(
                f"Expected joints of {len(self.joint_names)} numbers [deg]: "
                f"{', '.join(self.joint_names)}. Received: shape {given.shape}"
            )
        if not np.isfinite(given[self._places]).all():
            raise TargetError("Expected joints of finite numbers. Received a NaN or infinity.")
        return given

    def _joints(self, given: FloatArray) -> FloatArray:
        """The model's joints q (n,) [rad, m] among numbers of LeRobot."""
        joints: FloatArray = given[self._places] * self._units
        return joints


def _loaded(urdf_path: str | Path) -> IkSolver:
    """The model of a file; who gives the URDF that LeRobot takes is told what to do."""
    path = path_given(urdf_path, "a model file", ModelFileError)
    if path.suffix.lower() in ROBOTS:
        raise ConfigError(
            f"'{path}' describes a robot. Expected a model file, which carries its robot. Make one "
            f"with: edge-ik train --arm {quote(str(path))} --task axis --out RUN, then edge-ik "
            "export RUN"
        )
    return IkSolver.load(path)


def _reached(found: Settled, weights: FloatArray) -> bool:
    """Whether what has a weight is within the usual tolerances."""
    placed = found.distance < SOLVED_POSITION or not weights[0]
    return placed and (found.angle < SOLVED_ROTATION or not weights[-1])


def _weights(position_weight: float, orientation_weight: float) -> FloatArray:
    """The two weights, checked, as those of a pose's six errors (6,)."""
    weights = numbers_given([position_weight, orientation_weight], "the weights")
    if weights.shape != (2,) or not np.isfinite(weights).all() or weights.min() < 0:
        raise TargetError(f"Expected weights of 0 or more. Received: {weights.tolist()}")
    if not weights.any():
        raise TargetError("Expected a weight above 0. Received 0 for the position and orientation.")
    return weighed(*weights.tolist())
