"""A picture of a chain, to compare with the machine: links, joint axes and the tool's frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import RobotError, optional_import
from firmware_host.files import write_atomically
from firmware_host.kinematics import Frames, forward_kinematics, frames
from firmware_host.names import in_picture

# Length of drawn axes, as a share of the robot's reach.
AXIS_SHARE = 0.12
# What a robot of no extent is drawn as [m].
LEAST_REACH = 1e-3
# When a picture was made and by what is left out: the same robot gives the same file.
UNDATED: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}


def plot(chain: Chain, q: FloatArray, path: Path) -> None:
    """Draw a chain into a picture; as PNG and SVG always into the same bytes.

    Args:
        chain: The chain.
        q: (n,) joint positions [rad or m] that it is drawn at, beside a faint zero posture.
        path: The picture; its suffix says of which kind.

    Raises:
        RobotError: If there are no pictures of its suffix.
        WriteError: If it cannot be written.
        MissingExtraError: If matplotlib is not installed.
    """
    with optional_import("matplotlib", "plot", "Drawing a robot"):
        import matplotlib as mpl
        from matplotlib.figure import Figure
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    zero = _points(chain, np.zeros(len(chain)))
    axes.plot(*zero.T, color="0.8", linewidth=2, label="q = 0")
    points = _points(chain, q)
    axes.plot(*points.T, color="0.2", linewidth=3, marker="o", markersize=4, label="home")
    _draw_joints(axes, chain, q)
    _draw_frame(axes, np.eye(4), chain, "base")
    _draw_frame(axes, forward_kinematics(chain, q), chain, "tool")
    both = np.vstack([zero, points])
    middle, half = (both.max(0) + both.min(0)) / 2, float(np.ptp(both, axis=0).max()) / 2
    half = 1.15 * max(half, LEAST_REACH)
    for name, center in zip("xyz", middle, strict=True):
        getattr(axes, f"set_{name}lim")(center - half, center + half)
        getattr(axes, f"set_{name}label")(f"{name} [m]")
    axes.set_box_aspect((1, 1, 1))
    axes.set_title(in_picture(f"{chain.name}: {chain.base} to {chain.tip}"))
    axes.legend(loc="upper left")
    try:
        kind = path.suffix[1:] or "png"
        known: dict[str, Any] = {"format": kind, "metadata": UNDATED.get(kind)}
        with mpl.rc_context({"svg.hashsalt": "edge-ik"}):
            write_atomically(path, lambda temporary: figure.savefig(temporary, **known))
    except ValueError as error:
        raise RobotError(f"The picture '{path}' cannot be written: {error}.", str(path)) from error


def _frames(chain: Chain, q: FloatArray) -> Frames:
    """Where the joints and the tool are at q."""
    return frames(chain, *(part.tolist() for part in chain.place(q)))


def _points(chain: Chain, q: FloatArray) -> FloatArray:
    """(s + 2, 3) base, moving joints and tool [m]."""
    found = _frames(chain, q)
    return np.array([(0.0, 0.0, 0.0), *found.origins, found.position])


def _draw_joints(axes: Any, chain: Chain, q: FloatArray) -> None:
    """Each joint's axis with its name: solid where it turns, dashed where it slides."""
    length = AXIS_SHARE * max(chain.reach, LEAST_REACH)
    found = _frames(chain, q)
    for joint, axis, origin in zip(chain.moving, found.axes, found.origins, strict=True):
        along, start = length * np.array(axis), np.array(origin)
        ends = np.array([start - along / 2, start + along])
        slides = joint.kind == "prismatic"
        axes.plot(
            *ends.T,
            color="tab:orange" if slides else "tab:blue",
            linestyle="--" if slides else "-",
            alpha=0.4 if joint.mimic else 1.0,
        )
        axes.text(*ends[1], in_picture(joint.name), fontsize=8)


def _draw_frame(axes: Any, pose: FloatArray, chain: Chain, name: str) -> None:
    """A frame's x, y and z in red, green and blue."""
    length = AXIS_SHARE * max(chain.reach, LEAST_REACH)
    for k, color in enumerate(("tab:red", "tab:green", "tab:blue")):
        ends = np.array([pose[:3, 3], pose[:3, 3] + length * pose[:3, k]])
        axes.plot(*ends.T, color=color, linewidth=2)
    axes.text(*pose[:3, 3], name, fontsize=8, color="0.4")
