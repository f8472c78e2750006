"""Turns a message `prediction` of headland into vision_msgs/Classification. Needs nothing of ROS."""

import json
from datetime import datetime, timezone

SCHEMA = "prediction/1"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class NotAPrediction(ValueError):
    """The text is no message `prediction` of a version that is known here."""


def parse_prediction(text: str) -> dict:
    """The message; its fields: docs/reference/mqtt-schema.json. Unknown fields are left alone."""
    try:
        message = json.loads(text)
    except ValueError as error:
        raise NotAPrediction(f"no JSON: {error}") from error
    if not isinstance(message, dict) or message.get("schema") != SCHEMA:
        raise NotAPrediction(f"no message of the schema {SCHEMA}")
    for field in ("task", "camera", "captured_at", "label", "probability", "top"):
        if field not in message:
            raise NotAPrediction(f"the field {field} is missing")
    return message


def hypotheses(message: dict) -> list:
    """
    Classes with their probabilities: first the decision, which may be "unknown", then the others, the
    most probable first. Empty while no head serves.
    """
    top = [(each["label"], float(each["probability"])) for each in message["top"]]
    if not top:
        return []
    decision = (message["label"], float(message["probability"]))
    return [decision] + [each for each in top if each[0] != decision[0]]


def stamp_of(message: dict) -> tuple:
    """Time of capture as (seconds, nanoseconds) of builtin_interfaces/Time, to the millisecond."""
    at = datetime.fromisoformat(message["captured_at"].replace("Z", "+00:00"))
    passed = at - EPOCH
    return passed.days * 86_400 + passed.seconds, passed.microseconds * 1_000


def frame_id_of(message: dict) -> str:
    """Camera, and region if the image is one of several."""
    region = message.get("region")
    return message["camera"] if region is None else f"{message['camera']}/{region}"


def classification(message: dict, types):
    """
    vision_msgs/Classification. types: an object with the classes Time, Header, ObjectHypothesis and
    Classification, from ROS or from any other library for its messages.
    """
    sec, nanosec = stamp_of(message)
    header = types.Header(
        stamp=types.Time(sec=sec, nanosec=nanosec), frame_id=frame_id_of(message)
    )
    results = [
        types.ObjectHypothesis(class_id=label, score=score) for label, score in hypotheses(message)
    ]
    return types.Classification(header=header, results=results)
