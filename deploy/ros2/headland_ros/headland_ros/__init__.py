"""Images of ROS 2 to headland, and its predictions as vision_msgs/Classification."""
