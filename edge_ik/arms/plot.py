"""A picture of a chain, to compare with the machine: links, joint axes and the tool's frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edge_ik.arms.description import PRISMATIC
from edge_ik.arms.fold import moved_by
from edge_ik.arms.load import ArmSelection
from firmware_host.chain import FloatArray
from firmware_host.errors import MissingExtraError, RobotError

# Length of drawn axes, as a share of the robot's reach.
AXIS_SHARE = 0.12


def joint_frames(selection: ArmSelection, q: FloatArray) -> tuple[list[FloatArray], FloatArray]:
    """Where the joints are.

    Args:
        selection: The chain.
        q: (n,) its joint positions [rad or m].

    Returns:
        For each moving joint, followers among them, its frame (4, 4) in the base frame before
        its own motion, and the tool's (4, 4) [m].
    """
    values = dict(zip(selection.chain.joint_names, q, strict=True))
    pose, found = np.eye(4), []
    for segment in selection.segments:
        pose = pose @ segment.origin
        found.append(pose)
        own = segment.multiplier * values[segment.leader.name] + segment.offset
        pose = pose @ moved_by(segment.joint, float(own))
    return found, pose @ selection.chain.tool


def plot(selection: ArmSelection, q: FloatArray, path: Path) -> None:
    """Draw a chain into a picture.

    Args:
        selection: The chain.
        q: (n,) joint positions [rad or m] that it is drawn at, beside a faint zero posture.
        path: The picture; its suffix says of which kind.

    Raises:
        RobotError: If the file cannot be written.
        MissingExtraError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "Drawing a robot") from error
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    zero = _points(selection, np.zeros(len(selection.chain)))
    axes.plot(*zero.T, color="0.8", linewidth=2, label="q = 0")
    points = _points(selection, q)
    axes.plot(*points.T, color="0.2", linewidth=3, marker="o", markersize=4, label="home")
    _draw_joints(axes, selection, q)
    _draw_frame(axes, np.eye(4), selection, "base")
    _draw_frame(axes, joint_frames(selection, q)[1], selection, "tool")
    both = np.vstack([zero, points])
    middle, half = (both.max(0) + both.min(0)) / 2, float(np.ptp(both, axis=0).max()) / 2
    half = 1.15 * max(half, 1e-3)
    for name, center in zip("xyz", middle, strict=True):
        getattr(axes, f"set_{name}lim")(center - half, center + half)
        getattr(axes, f"set_{name}label")(f"{name} [m]")
    axes.set_box_aspect((1, 1, 1))
    chain = selection.chain
    axes.set_title(f"{chain.name}: {chain.base} to {chain.tip}")
    axes.legend(loc="upper left")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise RobotError(f"The picture '{path}' cannot be written: {error}.", str(path)) from error


def _points(selection: ArmSelection, q: FloatArray) -> FloatArray:
    """(m, 3) base, joints and tool [m]."""
    frames, tool = joint_frames(selection, q)
    return np.array([np.zeros(3), *(frame[:3, 3] for frame in frames), tool[:3, 3]])


def _draw_joints(axes: Any, selection: ArmSelection, q: FloatArray) -> None:
    """Each joint's axis with its name: solid where it turns, dashed where it slides."""
    length = AXIS_SHARE * max(selection.chain.reach, 1e-3)
    frames, _ = joint_frames(selection, q)
    for segment, frame in zip(selection.segments, frames, strict=True):
        axis = frame[:3, :3] @ segment.joint.geometry.axis
        axis = axis / np.linalg.norm(axis) * length
        ends = np.array([frame[:3, 3] - axis / 2, frame[:3, 3] + axis])
        slides = segment.joint.kind == PRISMATIC
        follows = segment.leader is not segment.joint
        axes.plot(
            *ends.T,
            color="tab:orange" if slides else "tab:blue",
            linestyle="--" if slides else "-",
            alpha=0.4 if follows else 1.0,
        )
        axes.text(*ends[1], segment.joint.name, fontsize=8)


def _draw_frame(axes: Any, pose: FloatArray, selection: ArmSelection, name: str) -> None:
    """A frame's x, y and z in red, green and blue."""
    length = AXIS_SHARE * max(selection.chain.reach, 1e-3)
    for k, color in enumerate(("tab:red", "tab:green", "tab:blue")):
        ends = np.array([pose[:3, 3], pose[:3, 3] + length * pose[:3, k]])
        axes.plot(*ends.T, color=color, linewidth=2)
    axes.text(*pose[:3, 3], name, fontsize=8, color="0.4")
