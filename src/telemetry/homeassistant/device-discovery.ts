import { EVENT_KINDS, topicPrefix } from '../contract/messages.js';
import { commandTopic, messageTopic, pictureTopic } from '../contract/topics.js';

/** What Home Assistant learns about a robot. */
export interface DiscoveredRobot {
  robotId: string;
  /** Version of headland. */
  version: string;
  /** Whether topics name the task. */
  namedTasks: boolean;
  /** Names, in the order of the settings, with the labels that a frame may get. */
  tasks: readonly { name: string; labels: readonly string[] }[];
  /** The robot takes commands without a signature: Home Assistant does not sign. */
  takesUnsigned: boolean;
  /** Names of the cameras whose pictures are published. */
  picturedCameras: readonly string[];
  /** Platforms of components, by key, that Home Assistant may still have; others it has not seen. */
  known?: Readonly<Record<string, string>>;
}

type Component = { platform: string } & Record<string, unknown>;

export interface Discovery {
  /** One configuration for the whole device. */
  message: Record<string, unknown>;
  /** Platform of each component, by key. */
  platforms: Record<string, string>;
}

/** Where device discovery of Home Assistant (2024.11 and later) looks for a robot. */
export function discoveryTopic(prefix: string, robotId: string): string {
  return `${prefix}/device/${objectId(robotId)}/config`;
}

/** Every topic of the configuration is one of the contract. */
export function discoveryConfig(robot: DiscoveredRobot): Discovery {
  const { robotId, version, tasks, picturedCameras, known = {} } = robot;
  const prefix = topicPrefix(robotId);
  const components: Record<string, Component> = {
    temperature: {
      platform: 'sensor',
      name: 'Temperature',
      device_class: 'temperature',
      state_class: 'measurement',
      unit_of_measurement: '°C',
      entity_category: 'diagnostic',
      state_topic: prefix + messageTopic('metrics', null),
      value_template: '{{ value_json.temperature_c }}',
    },
    events: {
      platform: 'event',
      name: 'Events',
      event_types: [...EVENT_KINDS],
      state_topic: prefix + messageTopic('event', null),
      value_template:
        '{{ {"event_type": value_json.kind, "message": value_json.message, "severity": value_json.severity} | tojson }}',
    },
  };
  for (const camera of picturedCameras) {
    components[`picture_${camera}`] = {
      platform: 'image',
      name: picturedCameras.length > 1 ? `${camera}: Picture` : 'Picture',
      image_topic: prefix + pictureTopic(camera),
      content_type: 'image/jpeg',
    };
  }
  for (const task of tasks) Object.assign(components, ofTask(robot, task));
  const gone = Object.entries(known).filter(([key]) => !(key in components));
  const identity = objectId(robotId);
  const message = {
    device: {
      identifiers: [identity],
      name: robotId,
      manufacturer: 'headland',
      model: 'headland',
      sw_version: version,
    },
    origin: { name: 'headland', sw_version: version },
    availability_topic: prefix + messageTopic('status', null),
    availability_template:
      '{{ "online" if value_json.state in ["online", "paused"] else "offline" }}',
    components: Object.fromEntries([
      // Home Assistant does not give the QoS of a device to its components.
      ...Object.entries(components).map(([key, component]) => [
        key,
        { ...component, qos: 1, unique_id: `${identity}_${key}` },
      ]),
      // It keeps a component that is left out; one that has only its platform it removes.
      ...gone.map(([key, platform]) => [key, { platform }]),
    ]),
  };
  const platforms = Object.entries(components).map(([key, { platform }]) => [key, platform]);
  return { message, platforms: Object.fromEntries(platforms) };
}

function ofTask(
  { robotId, namedTasks, takesUnsigned }: DiscoveredRobot,
  { name, labels }: DiscoveredRobot['tasks'][number],
): Record<string, Component> {
  const prefix = topicPrefix(robotId);
  const topicTask = namedTasks ? name : null;
  const titled = (text: string): string => (namedTasks ? `${name}: ${text}` : text);
  const key = (text: string): string => `${objectId(name)}_${text}`;
  const prediction = prefix + messageTopic('prediction', topicTask);
  const model = prefix + messageTopic('model', topicTask);
  const named = namedTasks ? { task: name } : {};
  const share = { platform: 'sensor', state_class: 'measurement', unit_of_measurement: '%' };
  const components: Record<string, Component> = {
    [key('label')]: {
      platform: 'sensor',
      name: titled('Last label'),
      state_topic: prediction,
      value_template: '{{ value_json.label }}',
    },
    [key('belief')]: {
      ...share,
      name: titled('Belief'),
      state_topic: prediction,
      value_template: percent('belief'),
    },
    [key('unknown_share')]: {
      ...share,
      name: titled('Unknown of the last 100'),
      state_topic: prediction,
      value_template: percent('unknown_share'),
    },
    [key('head_version')]: {
      platform: 'sensor',
      name: titled('Head version'),
      entity_category: 'diagnostic',
      state_topic: model,
      value_template: '{{ value_json.head_version }}',
    },
    [key('holdout_f1')]: {
      ...share,
      name: titled('Holdout F1'),
      entity_category: 'diagnostic',
      state_topic: model,
      value_template: percent('holdout_macro_f1'),
    },
  };
  if (!takesUnsigned) return components;
  for (const [command, text] of [
    ['retrain', 'Retrain'],
    ['rollback', 'Roll back'],
  ] as const) {
    components[key(command)] = {
      platform: 'button',
      name: titled(text),
      command_topic: prefix + commandTopic(command),
      payload_press: JSON.stringify(named),
    };
  }
  // A select without options is refused.
  if (labels.length === 0) return components;
  const fields = ['"frame": this.attributes.frame_id', '"label": value'];
  if (namedTasks) fields.push(`"task": ${JSON.stringify(name)}`);
  components[key('label_last')] = {
    platform: 'select',
    name: titled('Label of the last frame'),
    options: [...labels],
    state_topic: prediction,
    value_template: '{{ value_json.label if value_json.label != "unknown" else "None" }}',
    json_attributes_topic: prediction,
    command_topic: prefix + commandTopic('label'),
    command_template: `{{ {${fields.join(', ')}} | tojson }}`,
  };
  return components;
}

/** `None` makes a sensor unknown: a field may be null or absent. */
function percent(field: string): string {
  const value = `value_json.${field}`;
  return `{{ (${value} * 100) | round(1) if ${value} is defined and ${value} is not none else "None" }}`;
}

/** Home Assistant takes letters, digits, "_" and "-" in ids. */
function objectId(text: string): string {
  return `headland_${text}`.replace(/[^A-Za-z0-9_-]/g, '_');
}
