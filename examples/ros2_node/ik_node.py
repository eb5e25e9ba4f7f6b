"""A ROS 2 node: poses of the tool in, joint states out."""

from __future__ import annotations

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState

from firmware_host import EdgeIkError, IkSolver, Status


class IkNode(Node):
    """Answers each pose on `target` with joints on `joint_command`.

    Parameters: `model`, the path of a .tflite; `runtime`, empty for the default;
    `max_step`, how far each joint may move for one target [rad, m], 0 for any way.
    """

    def __init__(self) -> None:
        super().__init__("edge_ik")
        model = self.declare_parameter("model", "").value
        runtime = self.declare_parameter("runtime", "").value
        self.max_step = float(self.declare_parameter("max_step", 0.0).value)
        self.solver = IkSolver.load(model, runtime or None)
        self.names = list(self.solver.chain.joint_names)
        self.present = self.solver.home
        self.publisher = self.create_publisher(JointState, "joint_command", 10)
        self.create_subscription(JointState, "joint_states", self.on_joints, 10)
        self.create_subscription(PoseStamped, "target", self.on_target, 10)

    def on_joints(self, message: JointState) -> None:
        """Remember where the joints are, of those that the robot has."""
        places = dict(zip(message.name, message.position, strict=False))
        if all(name in places for name in self.names):
            self.present = [places[name] for name in self.names]

    def on_target(self, message: PoseStamped) -> None:
        """Answer a pose, seen from the base link."""
        p, o = message.pose.position, message.pose.orientation
        target = [p.x, p.y, p.z]
        if self.solver.task.is_whole:
            target += [o.w, o.x, o.y, o.z]
        try:
            answer = self.solver.track(target, self.present, self.max_step)
        except EdgeIkError as error:
            self.get_logger().error(str(error))
            return
        if answer.status is Status.UNREACHABLE:
            off = 1e3 * answer.position_error_m
            self.get_logger().warning(f"Not reached: the nearest posture is {off:.1f} mm off.")
        command = JointState(name=self.names, position=[float(angle) for angle in answer.q])
        command.header.stamp = self.get_clock().now().to_msg()
        self.publisher.publish(command)


def main() -> None:
    """Run the node until it is stopped."""
    rclpy.init()
    node = IkNode()
    try:
        rclpy.spin(node)
    finally:
        node.destroy_node()
        rclpy.shutdown()


if __name__ == "__main__":
    main()
