"""Images to headland, its predictions to ROS 2, and the bridge between its broker and ROS 2."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare


def generate_launch_description():
    params = PathJoinSubstitution([FindPackageShare("headland_ros"), "config", "mqtt_client.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("image", default_value="/camera/image_raw/compressed"),
            DeclareLaunchArgument("socket", default_value="/run/headland/ros.sock"),
            DeclareLaunchArgument("bridge", default_value=params),
            Node(
                package="headland_ros",
                executable="camera",
                parameters=[{"socket": LaunchConfiguration("socket")}],
                remappings=[("image/compressed", LaunchConfiguration("image"))],
            ),
            Node(package="mqtt_client", executable="mqtt_client", parameters=[LaunchConfiguration("bridge")]),
            Node(
                package="headland_ros",
                executable="classifications",
                remappings=[
                    ("prediction", "/headland/prediction"),
                    ("classification", "/headland/classification"),
                ],
            ),
        ]
    )
