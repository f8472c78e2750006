"""Gives a device of headland to the MQTT integration of Home Assistant, and its templates messages.

Runs in Pyodide: `await main(text)` takes and returns JSON. It is given {"config_topic", "config", "without_pictures",
"statuses": {state: payload}, "messages": {topic: [payload, ...]}}.

Home Assistant's own: the handler of discovery messages, with the schema of devices and origins; the schemas of the
platforms; the templates. Not Home Assistant's: the dispatcher, which hands over what the handler sends; the connection
to a broker; and packages with machine code, of which only their names are there.
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import logging
import sys
import types

# With machine code, or nothing that discovery calls.
STUBBED = {
    "aiodns",
    "aiohttp_cors",
    "aiozoneinfo",
    "atomicwrites",
    "bcrypt",
    "ciso8601",
    "cryptography",
    "fcntl",
    "hass_nabucasa",
    "httpx2_jsfetch",
    "ifaddr",
    "jwt",
    "paho",
    "resource",
    "sqlite3",
    "truststore",
    "ulid_transform",
    "voluptuous_serialize",
    "webrtc_models",
}


class Stub(types.ModuleType):
    """Has every name, each of which is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        bases = (Exception,) if name.endswith(("Error", "Exception")) else ()
        made = type(name, bases, {"__init__": lambda self, *_, **__: None})
        setattr(self, name, made)
        return made


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what is stubbed, where it is not there."""

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] not in STUBBED:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        module.__path__ = []


class Orjson(types.ModuleType):
    """What templates need of orjson."""

    JSONDecodeError = json.JSONDecodeError
    JSONEncodeError = TypeError
    Fragment = bytes
    loads = staticmethod(json.loads)

    def __getattr__(self, name: str) -> int:
        if name.startswith("OPT_"):
            return 0
        raise AttributeError(name)

    @staticmethod
    def dumps(value, default=None, option=0):
        return json.dumps(value, default=default, ensure_ascii=False).encode()


class Lru(dict):
    """A cache without a limit."""

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.size = size

    def set_size(self, size: int) -> None:
        self.size = size

    def get_size(self) -> int:
        return self.size


sys.meta_path.append(StubFinder())
sys.modules["orjson"] = Orjson("orjson")
sys.modules["lru"] = types.ModuleType("lru")
sys.modules["lru"].LRU = Lru

problems: list[str] = []


class Warnings(logging.Handler):
    """Home Assistant says in its log what it does not take."""

    def emit(self, record: logging.LogRecord) -> None:
        problems.append(f"{record.name}: {record.getMessage()}"[:500])


logging.getLogger("homeassistant").addHandler(Warnings(logging.WARNING))

from homeassistant import const, core  # noqa: E402
from homeassistant.components.mqtt import discovery, models  # noqa: E402


class Hass:
    """Home Assistant, as far as the handler needs it."""

    config = types.SimpleNamespace(legacy_templates=False)

    def __init__(self) -> None:
        self.data = {models.DATA_MQTT: models.MqttData(client=None, config=[])}


HASS = Hass()
# Templates and schemas want to be made by the thread of Home Assistant.
core._hass.hass = HASS  # noqa: SLF001


class Platforms(set):
    """Every platform is loaded."""

    def __contains__(self, _name: object) -> bool:
        return True


class Integration:
    """The MQTT integration without a broker."""

    def __init__(self) -> None:
        self.hass = HASS
        self.handlers: dict[str, object] = {}
        self.connected: dict[str, list] = {}
        self.components: dict[str, tuple[str, dict]] = {}
        data = self.hass.data[models.DATA_MQTT]
        data.platforms_loaded = Platforms()
        discovery.async_subscribe_internal = self._subscribe
        discovery.async_dispatcher_connect = self._connect
        discovery.async_dispatcher_send = self._send

        async def no_integrations(_hass):
            return {}

        discovery.async_get_mqtt = no_integrations

    async def start(self, prefix: str) -> None:
        entry = types.SimpleNamespace(options={}, data={}, entry_id="headland")
        await discovery.async_start(self.hass, prefix, entry)

    def receive(self, topic: str, payload: str) -> None:
        """A message from the broker."""
        message = models.ReceiveMessage(topic, payload, 1, True, topic, 0.0)
        prefix, kind, *_ = topic.split("/")
        self.handlers[f"{prefix}/{kind}/+/config"](message)

    def _subscribe(self, _hass, topic, handler, *_args, **_options):
        self.handlers[topic] = handler
        return lambda: None

    def _connect(self, _hass, signal, target):
        targets = self.connected.setdefault(str(signal), [])
        targets.append(target)
        return lambda: targets.remove(target)

    def _send(self, _hass, signal, payload):
        """Entities are set up, updated and removed by these signals."""
        if payload is not None:
            platform, discovery_id = payload.discovery_data["discovery_hash"]
            key = discovery_id.split(" ", 1)[1]
            if payload:
                self.components[key] = (platform, dict(payload))
            else:
                self.components.pop(key, None)
                self.hass.data[models.DATA_MQTT].discovery_already_discovered.discard((platform, discovery_id))
            self._send(_hass, discovery.MQTT_DISCOVERY_DONE.format(platform, discovery_id), None)
            return
        for target in list(self.connected.get(str(signal), [])):
            target(None)


def checked(key: str, platform: str, payload: dict) -> dict | None:
    """The configuration after the schema of its platform, as Home Assistant reads it."""
    try:
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        valid = module.DISCOVERY_SCHEMA(payload)
    except Exception as error:  # noqa: BLE001
        problems.append(f"{key}: {type(error).__name__}: {error}")
        return None
    # The schema drops keys that it does not know.
    dropped = set(payload) - {str(name) for name in valid}
    if dropped:
        problems.append(f"{key}: unknown keys {sorted(dropped)}")
    return valid


def ours(template):
    template.hass = HASS
    return template


def rendered(template, payload: object) -> object:
    return models.MqttValueTemplate(ours(template)).async_render_with_possible_json_value(json.dumps(payload))


def values_of(key: str, valid: dict, messages: dict) -> list[object]:
    topic, template = valid.get("state_topic"), valid.get("value_template")
    if template is None or topic not in messages:
        return []
    try:
        return [rendered(template, payload) for payload in messages[topic]]
    except Exception as error:  # noqa: BLE001
        problems.append(f"{key}: template: {type(error).__name__}: {error}")
        return []


def expect(what: str, condition: object) -> None:
    if not condition:
        problems.append(what)


async def main(text: str) -> str:
    said = json.loads(text)
    integration = Integration()
    topic, config, messages = said["config_topic"], said["config"], said["messages"]
    await integration.start(topic.split("/")[0])
    integration.receive(topic, json.dumps(config))
    expect("components are missing", set(integration.components) == set(config["components"]))
    accepted, values, commands = [], {}, {}
    for key, (platform, payload) in integration.components.items():
        valid = checked(key, platform, payload)
        if valid is None:
            continue
        accepted.append(key)
        expect(f"{key}: another QoS", valid.get("qos") == 1)
        if values_here := values_of(key, valid, messages):
            values[key] = values_here
        if platform == "event":
            for value in values_here:
                expect(f"{key}: no event of its types", json.loads(value)["event_type"] in valid["event_types"])
        if platform == "select":
            for value in values_here:
                expect(f"{key}: no option", value in valid["options"] or value == "None")
            template = valid["command_template"]
            this = {"attributes": messages[valid["json_attributes_topic"]][0]}
            option = valid["options"][0]
            commands[key] = models.MqttCommandTemplate(ours(template)).async_render(option, {"this": this})
        if platform == "button":
            commands[key] = valid["payload_press"]
        if "availability_template" in valid:
            for state, status in said["statuses"].items():
                available = rendered(valid["availability_template"], status)
                known = (valid["payload_available"], valid["payload_not_available"])
                expect(f"{key}: availability {available} while {state}", available in known)
                is_up = available == known[0]
                expect(f"{key}: availability while {state}", is_up == (state in ("online", "paused")))
    # Pictures are switched off, then all.
    before = set(integration.components)
    integration.receive(topic, json.dumps(said["without_pictures"]))
    removed = before - set(integration.components)
    images = {key for key, component in config["components"].items() if component["platform"] == "image"}
    expect(f"removed {sorted(removed)} instead of {sorted(images)}", removed == images)
    integration.receive(topic, "")
    expect("a device that is taken back stays", not integration.components)
    result = {
        "home_assistant": const.__version__,
        "python": sys.version.split()[0],
        "components": len(config["components"]),
        "accepted": len(accepted),
        "removed_without_pictures": sorted(removed),
        "values": values,
        "commands": commands,
        "stubbed_packages": sorted({"lru", "orjson"} | {name for name in STUBBED if name in sys.modules}),
        "violations": problems,
    }

    return json.dumps(result)
