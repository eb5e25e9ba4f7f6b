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
# How far beside a place its name stands [points].
BESIDE = 6.0
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
    ends = {
        "base": _draw_frame(axes, np.eye(4), chain),
        "tool": _draw_frame(axes, forward_kinematics(chain, q), chain),
    }
    both = np.vstack([zero, points])
    middle, half = (both.max(0) + both.min(0)) / 2, float(np.ptp(both, axis=0).max()) / 2
    half = 1.15 * max(half, LEAST_REACH)
    for name, center in zip("xyz", middle, strict=True):
        getattr(axes, f"set_{name}lim")(center - half, center + half)
        getattr(axes, f"set_{name}label")(f"{name} [m]")
    axes.set_box_aspect((1, 1, 1))
    _name(axes, "base", points[0], np.vstack([ends["base"], points[1:2], zero[1:2]]))
    _name(axes, "tool", points[-1], np.vstack([ends["tool"], points[-2:-1]]))
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


def _draw_frame(axes: Any, pose: FloatArray, chain: Chain) -> FloatArray:
    """A frame's x, y and z in red, green and blue; where they end (3, 3)."""
    length = AXIS_SHARE * max(chain.reach, LEAST_REACH)
    ends = pose[:3, 3] + length * pose[:3, :3].T
    for end, color in zip(ends, ("tab:red", "tab:green", "tab:blue"), strict=True):
        axes.plot(*np.array([pose[:3, 3], end]).T, color=color, linewidth=2)
    return ends


def _name(axes: Any, name: str, place: FloatArray, ends: FloatArray) -> None:
    """A name beside a place (3,), where none of the lines from there to ends (N, 3) covers it."""
    from matplotlib.transforms import offset_copy

    seen = np.vstack([place, ends])
    seen = np.column_stack([seen, np.ones(len(seen))]) @ axes.get_proj().T
    seen = seen[:, :2] / seen[:, 3:]
    x, y = free_side(seen[1:] - seen[0])
    axes.text(
        *place,
        name,
        fontsize=8,
        color="0.4",
        ha=("center", "left", "right")[round(float(np.sign(x)))],
        va=("center", "bottom", "top")[round(float(np.sign(y)))],
        transform=offset_copy(
            axes.transData, axes.figure, x=BESIDE * x, y=BESIDE * y, units="points"
        ),
    )


def free_side(ways: FloatArray) -> tuple[float, float]:
    """The one of eight directions that is farthest from ways (N, 2), where they have a length."""
    lengths = np.linalg.norm(ways, axis=1)
    taken = ways[lengths > 0] / lengths[lengths > 0, None]
    # Downwards to the left first: there a base has nothing but its name.
    turns = (np.arange(8) - 3) * np.pi / 4
    sides = np.round(np.stack([np.cos(turns), np.sin(turns)], axis=1), 12)
    nearest = (sides @ taken.T).max(axis=1, initial=-1.0)
    x, y = sides[int(np.argmin(np.round(nearest, 9)))].tolist()
    return x, y
