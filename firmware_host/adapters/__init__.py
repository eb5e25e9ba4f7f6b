"""Classes with the interfaces of other libraries, answering from an edge-ik model."""

from firmware_host.adapters.lerobot import RobotKinematics

__all__ = ["RobotKinematics"]
