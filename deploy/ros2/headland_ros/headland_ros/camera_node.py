"""Node `camera`: sends the images of a topic to headland."""

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage

from .frames import FrameSender, is_jpeg, stamp_ns


class CameraNode(Node):
    def __init__(self):
        super().__init__("headland_camera")
        self.declare_parameter("socket", "/run/headland/ros.sock")
        # False with simulated time: headland then takes the time of arrival.
        self.declare_parameter("use_stamp", True)
        self._use_stamp = self.get_parameter("use_stamp").value
        self._sender = FrameSender(self.get_parameter("socket").value)
        self._problem = None
        self.create_subscription(
            CompressedImage, "image/compressed", self._receive, qos_profile_sensor_data
        )

    def _receive(self, message: CompressedImage) -> None:
        if not is_jpeg(message.data):
            self.get_logger().warning(
                f"images of the format '{message.format}' are no JPEGs: set the format of the "
                "publisher to jpeg",
                throttle_duration_sec=60.0,
            )
            return
        at_ns = stamp_ns(message.header.stamp) if self._use_stamp else 0
        self._sender.send(bytes(message.data), at_ns)
        self._tell(self._sender.problem)

    def _tell(self, problem) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            self.get_logger().info("connected to headland")
        else:
            self.get_logger().warning(f"headland takes no images: {problem}")

    def destroy_node(self):
        self._sender.close()
        super().destroy_node()


def main():
    rclpy.init()
    node = CameraNode()
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
