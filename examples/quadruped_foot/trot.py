"""The joints of one leg over a period of a trot."""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np

from firmware_host import EdgeIkError, IkPath, IkSolver, track


def foot_path(center: np.ndarray, stride: float, lift: float, count: int) -> np.ndarray:
    """Where the foot is over one period (count, 3) [m].

    On the ground it goes back with the speed of the body; in the air it goes forward along a
    cycloid (Sakakibara, Kan, Hosoda, Hattori and Fujie, IROS 1990).

    Args:
        center: (3,) the foot below the hip, in the leg's base frame [m].
        stride: How far the body goes in half a period [m].
        lift: How high the foot is lifted [m].
        count: Targets of the period.
    """
    phase = np.arange(count) / count
    ground, t = phase < 0.5, (2 * phase) % 1.0
    x = np.where(ground, 0.5 - t, t - np.sin(2 * np.pi * t) / (2 * np.pi) - 0.5)
    z = np.where(ground, 0.0, 0.5 * (1 - np.cos(2 * np.pi * t)))
    return center + np.column_stack([stride * x, np.zeros(count), lift * z])


def trot(solver: IkSolver, stride: float, lift: float, count: int) -> IkPath:
    """The joints of a period, from the middle of the stride below the home posture."""
    center = solver.forward(solver.home)[:3, 3]
    targets = foot_path(center, stride, lift, count)
    return track(solver, targets, solver.solve(targets[0], q_near=solver.home).q)


def positive(text: str) -> float:
    """A number of an option, which must be positive."""
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, received {text}")
    return value


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a .tflite of a leg of three joints")
    parser.add_argument("--stride", type=float, default=0.10, help="[m]")
    parser.add_argument("--lift", type=float, default=0.05, help="[m]")
    parser.add_argument("--period", type=positive, default=0.5, help="[s]")
    parser.add_argument("--targets", type=int, default=50)
    given = parser.parse_args()
    if given.targets < 2:
        parser.error(f"--targets: expected 2 or more, received {given.targets}")
    solver = IkSolver.load(given.model)
    path = trot(solver, given.stride, given.lift, given.targets)
    print("   t [s]  " + "".join(f"{name:>12}" for name in solver.chain.joint_names) + "  [rad]")
    step = given.period / given.targets
    for index, q in enumerate(path.q):
        print(f"{index * step:8.3f}  " + "".join(f"{angle:12.4f}" for angle in q))
    speed = np.abs(np.diff(path.q, axis=0, append=path.q[:1])).max() / step
    print(
        f"{path.solved.sum()} of {len(path.q)} targets solved, at most "
        f"{1e3 * path.position_error_m.max():.4f} mm off; the fastest joint turns {speed:.1f} rad/s"
    )


if __name__ == "__main__":
    try:
        main()
    except EdgeIkError as error:
        sys.exit(f"Error: {error}")
