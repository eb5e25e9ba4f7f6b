"""Follow a drawn path with an SO-101, through the interface of LeRobot's kinematics."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from firmware_host import EdgeIkError
from firmware_host.adapters import RobotKinematics

ARM = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")
GRIPPER = "gripper"
# In front of the arm, in its base frame [m]: the sheet's middle, and how large a star is.
SHEET = np.array([0.25, 0.0, 0.10])
STAR = 0.05
# No further apart [m] than this are two targets in a row, and so long is each shown [s].
STEP, PERIOD = 0.002, 0.02
# The arm's plane turns with the pen, so that the gripper's pose cannot be kept whole: of LeRobot's
# weight of an orientation a hundredth, which leaves the pen where it belongs.
ORIENTATION_WEIGHT = 1e-4


def star(points: int = 5) -> np.ndarray:
    """Corners (points + 1, 2) of a star on the sheet [m]."""
    angles = 2 * np.pi * (2 * np.arange(points + 1) % points) / points
    return STAR * np.column_stack([np.cos(angles), np.sin(angles)])


def read_path(path: Path) -> np.ndarray:
    """Corners (M, 2) on the sheet [m], out of lines `x,y`.

    Raises:
        EdgeIkError: If there is no such file, or something else in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise EdgeIkError(f"The path {path} cannot be read: {error}.") from error
    corners = []
    for number, line in enumerate(lines, start=1):
        try:
            x, y = map(float, line.split(","))
        except ValueError:
            x = y = np.nan
        if not np.isfinite([x, y]).all():
            raise EdgeIkError(f"{path}, line {number}: expected x,y in metres. Received: {line!r}")
        corners.append([x, y])
    if not corners:
        raise EdgeIkError(f"The path {path} has no lines of x,y.")
    return np.array(corners)


def dense(corners: np.ndarray) -> np.ndarray:
    """Points (N, 2) along lines through corners (M, 2), no further apart than `STEP` [m]."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    along = np.linspace(0.0, length[-1], max(2, int(np.ceil(length[-1] / STEP)) + 1))
    return np.column_stack([np.interp(along, length, part) for part in corners.T])


def joints(kinematics: RobotKinematics, corners: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Joints (N, 6) [deg] for points along a path on the sheet, the gripper's number among them.

    Args:
        kinematics: The arm.
        corners: (M, 2) on the sheet [m].
        start: (6,) where the joints are [deg].
    """
    pose, rows = kinematics.forward_kinematics(start), []
    present = start
    for x, y in dense(corners):
        pose[:3, 3] = SHEET + np.array([x, y, 0.0])
        present = kinematics.inverse_kinematics(
            present, pose, orientation_weight=ORIENTATION_WEIGHT
        )
        rows.append(present)
    return np.array(rows)


def send(rows: np.ndarray, port: str) -> None:
    """Move the arm along; LeRobot is imported only here."""
    try:
        from lerobot.robots.so101_follower import SO101Follower, SO101FollowerConfig
    except ImportError as error:
        raise EdgeIkError(
            f"Moving the arm needs LeRobot ({error}). Install it, or leave --port out."
        ) from error

    robot = SO101Follower(SO101FollowerConfig(port=port, use_degrees=True))
    robot.connect()
    try:
        for row in rows:
            names = (*ARM, GRIPPER)
            robot.send_action({f"{n}.pos": float(v) for n, v in zip(names, row, strict=True)})
            time.sleep(PERIOD)
    finally:
        robot.disconnect()


def main() -> None:
    """Draw the path, or print its joints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a .tflite of the SO-101")
    parser.add_argument("--path", type=Path, help="lines of x,y on the sheet [m]")
    parser.add_argument("--port", help="of the arm; without it nothing moves")
    given = parser.parse_args()
    corners = star() if given.path is None else read_path(given.path)
    kinematics = RobotKinematics(given.model, joint_names=[*ARM, GRIPPER])
    home = np.append(np.degrees(kinematics.solver.home), 10.0)
    rows = joints(kinematics, corners, home)
    if given.port:
        send(rows, given.port)
        return
    print("".join(f"{name:>15}" for name in (*ARM, GRIPPER)) + "  [deg]")
    for row in rows[:: max(1, len(rows) // 20)]:
        print("".join(f"{value:15.2f}" for value in row))
    places = np.array([kinematics.forward_kinematics(row)[:3, 3] for row in rows])
    off = np.linalg.norm(places[:, :2] - (SHEET[:2] + dense(corners)), axis=1)
    print(f"{len(rows)} targets, at most {1e3 * off.max():.2f} mm off on the sheet")


if __name__ == "__main__":
    try:
        main()
    except EdgeIkError as error:
        sys.exit(f"Error: {error}")
