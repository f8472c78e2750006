from setuptools import setup

NAME = "headland_ros"

setup(
    name=NAME,
    version="0.1.0",
    packages=[NAME],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", ["launch/headland.launch.py"]),
        (f"share/{NAME}/config", ["config/mqtt_client.yaml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    description="Images of ROS 2 to headland, and its predictions as vision_msgs/Classification",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            f"camera = {NAME}.camera_node:main",
            f"classifications = {NAME}.classification_node:main",
        ]
    },
)
