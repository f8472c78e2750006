"""Node `classifications`: publishes the predictions of headland as vision_msgs/Classification."""

from types import SimpleNamespace

import rclpy
from builtin_interfaces.msg import Time
from rclpy.node import Node
from std_msgs.msg import Header, String
from vision_msgs.msg import Classification, ObjectHypothesis

from .predictions import NotAPrediction, classification, parse_prediction

TYPES = SimpleNamespace(
    Time=Time, Header=Header, ObjectHypothesis=ObjectHypothesis, Classification=Classification
)
QUEUE = 10


class ClassificationNode(Node):
    def __init__(self):
        super().__init__("headland_classifications")
        # True: what headland itself calls a guess is not published.
        self.declare_parameter("skip_guesses", False)
        self._skip_guesses = self.get_parameter("skip_guesses").value
        self._publisher = self.create_publisher(Classification, "classification", QUEUE)
        self.create_subscription(String, "prediction", self._receive, QUEUE)

    def _receive(self, message: String) -> None:
        try:
            prediction = parse_prediction(message.data)
        except NotAPrediction as error:
            self.get_logger().warning(f"left out: {error}", throttle_duration_sec=60.0)
            return
        if self._skip_guesses and prediction.get("guess", False):
            return
        self._publisher.publish(classification(prediction, TYPES))


def main():
    rclpy.init()
    node = ClassificationNode()
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
