"""Checks a device discovery of headland with the code of Home Assistant, and renders its templates.

Arguments: a JSON file with {"config": …, "messages": {topic: payload}, "options": …}. Prints one JSON
object. Schemas of platforms are Home Assistant's own; a release before 2024.11 has none for devices, so
the device is then split into its components, as newer ones do.
"""

import json
import sys

import homeassistant.const as const
from homeassistant.components.mqtt import button, event, select, sensor
from homeassistant.helpers import template as templates

PLATFORMS = {"button": button, "event": event, "select": select, "sensor": sensor}
SHARED = ("availability_topic", "availability_template", "qos", "device", "origin")


class NoHass:
    """Templates without states need no Home Assistant that runs."""

    data: dict = {}
    config = type("Config", (), {"legacy_templates": False})()


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    config = given["config"]
    shared = {name: config[name] for name in SHARED if name in config}
    accepted, problems, values = 0, [], {}
    for key, component in config["components"].items():
        platform = component["platform"]
        whole = {**shared, **{k: v for k, v in component.items() if k != "platform"}}
        try:
            valid = PLATFORMS[platform].DISCOVERY_SCHEMA(whole)
            accepted += 1
            # The schema drops keys that it does not know.
            dropped = set(whole) - {str(name) for name in valid}
            if dropped:
                problems.append(f"{key}: unknown keys {sorted(dropped)}")
        except Exception as error:  # noqa: BLE001
            problems.append(f"{key}: {type(error).__name__}: {error}")
            continue
        template, payload = valid.get("value_template"), given["messages"].get(valid.get("state_topic"))
        if template is None or payload is None:
            continue
        try:
            template.hass = NoHass()
            rendered = template.async_render_with_possible_json_value(
                json.dumps(payload), "failed", parse_result=False
            )
            values[key] = rendered
            if rendered == "failed":
                problems.append(f"{key}: its template fails")
        except Exception as error:  # noqa: BLE001
            problems.append(f"{key}: template: {type(error).__name__}: {error}")
    print(
        json.dumps(
            {
                "home_assistant": const.__version__,
                "components": len(config["components"]),
                "accepted": accepted,
                "values": values,
                "violations": problems,
            }
        )
    )


main(sys.argv[1])
