"""
The package deploy/ros2/headland_ros with messages as ROS 2 serialises them, but without ROS.

    ros2_messages.py send SOCKET JPEG…    each JPEG as a CompressedImage, 100 ms apart from 1800000000.25 s
    ros2_messages.py convert              predictions, one a line, to Classifications, as JSON lines
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from headland_ros.frames import FrameSender, is_jpeg, stamp_ns
from headland_ros.predictions import classification, parse_prediction

# vision_msgs 4, of ROS 2 Humble and newer.
HYPOTHESIS = "string class_id\nfloat64 score\n"
CLASSIFICATION = "std_msgs/Header header\nvision_msgs/ObjectHypothesis[] results\n"

store = get_typestore(Stores.ROS2_HUMBLE)
store.register(get_types_from_msg(HYPOTHESIS, "vision_msgs/msg/ObjectHypothesis"))
store.register(get_types_from_msg(CLASSIFICATION, "vision_msgs/msg/Classification"))
TYPES = SimpleNamespace(
    Time=store.types["builtin_interfaces/msg/Time"],
    Header=store.types["std_msgs/msg/Header"],
    ObjectHypothesis=store.types["vision_msgs/msg/ObjectHypothesis"],
    Classification=store.types["vision_msgs/msg/Classification"],
)


def over_the_wire(message, name):
    return store.deserialize_cdr(store.serialize_cdr(message, name), name)


def send(path, *files):
    sender = FrameSender(path, retry_seconds=0.05)
    name = "sensor_msgs/msg/CompressedImage"
    for index, file in enumerate(files):
        with open(file, "rb") as opened:
            data = numpy.frombuffer(opened.read(), dtype=numpy.uint8)
        stamp = TYPES.Time(sec=1_800_000_000, nanosec=250_000_000 + index * 100_000_000)
        header = TYPES.Header(stamp=stamp, frame_id="camera_optical")
        image = store.types[name](header=header, format="jpeg", data=data)
        received = over_the_wire(image, name)
        assert is_jpeg(received.data)
        while not sender.send(bytes(received.data), stamp_ns(received.header.stamp)):
            time.sleep(0.05)
        time.sleep(0.1)
    print(json.dumps({"sent": sender.sent}))


def convert():
    for line in sys.stdin:
        name = "vision_msgs/msg/Classification"
        received = over_the_wire(classification(parse_prediction(line), TYPES), name)
        stamp = received.header.stamp
        print(
            json.dumps(
                {
                    "stamp": [stamp.sec, stamp.nanosec],
                    "frame_id": received.header.frame_id,
                    "results": [[each.class_id, each.score] for each in received.results],
                }
            )
        )


{"send": send, "convert": convert}[sys.argv[1]](*sys.argv[2:])
