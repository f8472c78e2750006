import type { Written } from '../../host/written-bytes.js';
import type { TelemetryStats } from '../../telemetry/outbox/telemetry-statistics.js';
import type { AgentStatus, CameraStatus, TaskStatus } from '../status.js';
import type { DecisionCounts } from './decision-counts.js';
import type { Histogram, Metric, MetricSample } from './exposition.js';

export interface MetricSources {
  status: AgentStatus;
  telemetry: TelemetryStats;
  /** Frames, from encoded image to decision, seconds. */
  durations: Histogram;
  decisions: Pick<DecisionCounts, 'labels' | 'guesses'>;
  refusedFrames: number;
  /** Null: the kernel does not count. */
  written: Written | null;
  rules: readonly { name: string }[];
  process: { cpuSeconds: number; rssBytes: number };
}

const CONDITIONS = ['good', 'garbage', 'dark', 'overexposed', 'blurred'] as const;
const TRUSTS = ['beginner', 'useful', 'proven'] as const;
const OUTCOMES = ['promoted', 'refused', 'failed', 'cancelled'] as const;
const RESERVES = ['normal', 'low', 'urgent'] as const;
const CLOCKS = ['synchronized', 'rtc', 'unset'] as const;

/**
 * Every metric of the daemon, by the conventions of Prometheus: base units (seconds, bytes, ratios from
 * 0 to 1, degrees Celsius) in the names, `_total` for counters, which begin at 0 with the daemon. Pure.
 */
export function agentMetrics(sources: MetricSources): Metric[] {
  return [
    ...robotMetrics(sources),
    ...frameMetrics(sources),
    ...cameraMetrics(sources.status.cameras),
    ...taskMetrics(sources),
    ...telemetryMetrics(sources),
    ...boardMetrics(sources),
    ...processMetrics(sources),
  ];
}

function robotMetrics({ status, rules }: MetricSources): Metric[] {
  const { robot, version, backbone } = status;
  const severities = ['warning', 'critical'] as const;
  return [
    gauge('headland_info', 'The robot and its software; always 1.', [
      {
        labels: {
          robot,
          version,
          node: process.version,
          backbone: backbone?.name ?? '',
          engine: backbone?.engine ?? '',
        },
        value: 1,
      },
    ]),
    gauge('headland_paused', 'Whether the work is paused by an operator.', [
      ...(['inference', 'training'] as const).map((what) => ({
        labels: { what },
        value: bit(status.paused.includes(what)),
      })),
    ]),
    gauge(
      'headland_alarms',
      'Raised alarms: parts of the robot that need attention.',
      severities.map((severity) => ({
        labels: { severity },
        value: status.alarms.filter((alarm) => alarm.severity === severity).length,
      })),
    ),
    gauge(
      'headland_alarm_raised',
      'A raised alarm; it has no sample while it is not raised.',
      status.alarms.map(({ name, code, severity }) => {
        return { labels: { alarm: name, code, severity }, value: 1 };
      }),
    ),
    gauge(
      'headland_alerts_raised',
      'Alerts that a rule has raised now.',
      rules.map(({ name }) => ({
        labels: { rule: name },
        value: status.alerts.filter(({ rule }) => rule === name).length,
      })),
    ),
  ];
}

function frameMetrics({ status, durations, refusedFrames }: MetricSources): Metric[] {
  const { frames } = status;
  const { framesPerSecond, reason } = frames.limit;
  return [
    counter('headland_frames_total', 'Frames and regions that were decided on.', frames.total),
    counter(
      'headland_frames_dropped_total',
      'Frames that a newer one replaced before they were decided on.',
      frames.droppedTotal,
    ),
    counter(
      'headland_frames_refused_total',
      'Frames that could not be decoded or embedded.',
      refusedFrames,
    ),
    {
      name: 'headland_frame_duration_seconds',
      help: 'Time from the encoded image to its decision.',
      values: { type: 'histogram', histogram: durations },
    },
    gauge(
      'headland_frame_rate_limit_hertz',
      'Limit of the frame rate over all cameras, with its reason; no sample while there is none.',
      reason === null ? [] : [{ labels: { reason }, value: framesPerSecond }],
    ),
    gauge(
      'headland_event_loop_delay_p99_seconds',
      '99th percentile of the delay of the event loop since the last metrics message.',
      seconds(frames.loopDelayMsP99),
    ),
  ];
}

function cameraMetrics(cameras: readonly CameraStatus[]): Metric[] {
  const each = (read: (camera: CameraStatus) => number | null): MetricSample[] =>
    cameras.map((camera) => ({ labels: { camera: camera.name }, value: read(camera) }));
  return [
    gauge(
      'headland_camera_up',
      'Whether frames of the camera arrive.',
      each(({ phase }) => bit(phase === 'running')),
    ),
    gauge(
      'headland_camera_simulated',
      'Whether the camera delivers drawings or recordings.',
      each(({ simulated }) => bit(simulated)),
    ),
    counter(
      'headland_camera_frames_total',
      'Images received from the camera.',
      each(({ framesTotal }) => framesTotal),
    ),
    counter(
      'headland_camera_frames_still_total',
      'Images that were skipped because nothing moved.',
      each(({ stillFrames }) => stillFrames),
    ),
    counter(
      'headland_camera_frames_dropped_total',
      'Images of the camera that a newer one replaced before they were decided on.',
      each(({ droppedTotal }) => droppedTotal),
    ),
    counter(
      'headland_camera_frames_invalid_total',
      'Images that were truncated, malformed or not decodable.',
      each(({ invalidPictures }) => invalidPictures),
    ),
    counter(
      'headland_camera_restarts_total',
      'Restarts of the camera.',
      each(({ restarts }) => restarts),
    ),
    gauge(
      'headland_camera_last_frame_timestamp_seconds',
      'Capture time of the newest image, by the clock of the robot.',
      each(({ lastFrameAtMs }) => lastFrameAtMs && lastFrameAtMs / 1_000),
    ),
    gauge(
      'headland_camera_condition',
      'Image quality: 1 for the condition that applies; no sample while it is not known.',
      cameras.flatMap(({ name, quality }) =>
        states({ camera: name }, 'condition', CONDITIONS, quality?.condition ?? null),
      ),
    ),
  ];
}

function taskMetrics({ status: { tasks }, decisions }: MetricSources): Metric[] {
  const each = (read: (task: TaskStatus) => number | null): MetricSample[] =>
    tasks.map((task) => ({ labels: { task: task.name }, value: read(task) }));
  return [
    counter(
      'headland_decisions_total',
      'Decisions of heads by label; an empty label stands for all beyond the first 100 of a task.',
      decisions
        .labels()
        .map(({ task, label, total }) => ({ labels: { task, label }, value: total })),
    ),
    counter(
      'headland_decisions_guess_total',
      'Decisions of heads that are only guesses.',
      each(({ name }) => decisions.guesses(name)),
    ),
    gauge(
      'headland_head_version',
      'Version of the trained head that serves; no sample while none does.',
      each(({ model }) => model.card?.version ?? null),
    ),
    gauge(
      'headland_head_holdout_macro_f1_ratio',
      'Macro-averaged F1 of the serving head on the holdout.',
      each(({ model }) => model.card?.holdout?.macroF1 ?? null),
    ),
    gauge(
      'headland_head_trained_timestamp_seconds',
      'When the serving head was trained, by the clock of the robot.',
      each(({ model }) => model.card && Date.parse(model.card.createdAt) / 1_000),
    ),
    gauge(
      'headland_head_pinned',
      'Whether trainings and trials do not replace the head.',
      each(({ model }) => bit(model.pinned)),
    ),
    gauge(
      'headland_head_trust',
      'Trust in the serving head: 1 for the level that applies; no sample while none serves.',
      tasks.flatMap(({ name, model }) => states({ task: name }, 'level', TRUSTS, model.trust)),
    ),
    gauge(
      'headland_samples',
      'Stored samples of the task.',
      each(({ samples }) => samples.total),
    ),
    gauge(
      'headland_samples_labelled',
      'Samples with a label.',
      each(({ samples }) => samples.labelled),
    ),
    gauge(
      'headland_samples_waiting',
      'Samples that wait for a label.',
      each(({ samples }) => samples.waiting),
    ),
    gauge(
      'headland_samples_thinned',
      'Labelled samples whose image was removed to make room; their features remain.',
      each(({ samples }) => samples.thinned),
    ),
    gauge(
      'headland_training_running',
      'Whether a training of the task is running.',
      each(({ training }) => bit(training.running !== null)),
    ),
    gauge(
      'headland_training_new_labels',
      'Labels given or changed since the last training.',
      each(({ training }) => training.newLabels),
    ),
    gauge(
      'headland_training_last_finished_timestamp_seconds',
      'When the last training ended, by the clock of the robot.',
      each(({ training }) => training.last && Date.parse(training.last.finishedAt) / 1_000),
    ),
    gauge(
      'headland_training_last_outcome',
      'Outcome of the last training: 1 for the one that applies; no sample before the first.',
      tasks.flatMap(({ name, training }) =>
        states({ task: name }, 'outcome', OUTCOMES, training.last?.outcome ?? null),
      ),
    ),
    counter(
      'headland_instant_failures_total',
      'Failures of the learner of the first labels.',
      each(({ training }) => training.instantFailures),
    ),
  ];
}

function telemetryMetrics({ telemetry }: MetricSources): Metric[] {
  const { outbox } = telemetry;
  return [
    gauge('headland_mqtt_connected', 'Whether the broker is connected.', bit(telemetry.connected)),
    counter(
      'headland_mqtt_connection_attempts_total',
      'Attempts to connect to the broker.',
      telemetry.sessions,
    ),
    counter(
      'headland_mqtt_predictions_sent_total',
      'Predictions that were sent.',
      telemetry.predictionsSent,
    ),
    counter(
      'headland_mqtt_predictions_dropped_total',
      'Predictions that were not sent: no connection or a slow link.',
      telemetry.predictionsDropped,
    ),
    counter(
      'headland_mqtt_messages_invalid_total',
      'Messages that broke the contract and were dropped: defects of headland.',
      telemetry.messagesInvalid,
    ),
    counter('headland_mqtt_commands_total', 'Commands received over MQTT.', [
      { labels: { result: 'accepted' }, value: telemetry.commandsAccepted },
      { labels: { result: 'refused' }, value: telemetry.commandsRefused },
    ]),
    gauge(
      'headland_outbox_messages',
      'Messages that wait for the acknowledgement of the broker.',
      outbox.messages,
    ),
    gauge('headland_outbox_bytes', 'Size of the messages that wait.', outbox.bytes),
    gauge(
      'headland_outbox_oldest_message_age_seconds',
      'Age of the oldest message that waits; 0: none does.',
      outbox.oldestSeconds,
    ),
    counter(
      'headland_outbox_dropped_total',
      'Messages that were dropped because of size, age or expiry.',
      Object.entries(outbox.dropped).map(([name, value]) => ({ labels: { class: name }, value })),
    ),
    counter(
      'headland_outbox_write_failures_total',
      'Writes of the outbox that failed.',
      outbox.writeFailures,
    ),
  ];
}

function boardMetrics({ status: { board, position, fleet }, written }: MetricSources): Metric[] {
  const { throttled, battery, pressure, wear } = board;
  return [
    gauge(
      'headland_board_temperature_celsius',
      'Temperature of the hottest thermal zone.',
      board.temperatureC,
    ),
    gauge(
      'headland_board_throttled',
      'Whether the clock of the processor is limited by heat or supply.',
      throttled && bit(throttled.slowed),
    ),
    gauge(
      'headland_board_under_voltage',
      'Whether the supply is below its limit.',
      throttled && bit(throttled.underVoltage),
    ),
    gauge(
      'headland_board_battery_charge_ratio',
      'Charge of the emptiest battery.',
      share(battery?.percent ?? null),
    ),
    gauge(
      'headland_board_memory_available_bytes',
      'Memory available without swapping.',
      board.memoryAvailableBytes,
    ),
    gauge(
      'headland_board_disk_free_bytes',
      'Free space on the file system of the state folder.',
      board.diskFreeBytes,
    ),
    gauge(
      'headland_board_pressure_ratio',
      'Share of the last ten seconds during which a process waited for the resource.',
      [
        { labels: { resource: 'cpu' }, value: share(pressure.cpuPercent) },
        { labels: { resource: 'memory' }, value: share(pressure.memoryPercent) },
        { labels: { resource: 'io' }, value: share(pressure.ioPercent) },
      ],
    ),
    gauge(
      'headland_board_storage_life_used_ratio',
      'Used share of the rated life of the most worn eMMC.',
      share(wear.lifeUsedPercent),
    ),
    gauge(
      'headland_board_storage_reserve',
      'Spare blocks of the eMMC: 1 for the state that applies; no sample if it is not known.',
      states({}, 'state', RESERVES, wear.reserve),
    ),
    gauge(
      'headland_board_file_system_errors',
      'Errors that ext4 has recorded since the creation or the last repair.',
      wear.fileSystemErrors,
    ),
    gauge(
      'headland_board_clock',
      'Source of the date: 1 for the one that applies; no sample if it is not known.',
      states({}, 'source', CLOCKS, board.clock),
    ),
    counter(
      'headland_storage_written_bytes_total',
      'Bytes that the daemon and its children have sent to storage.',
      written?.totalBytes ?? null,
    ),
    gauge(
      'headland_position_fix',
      'Whether the position is known; no sample without a receiver.',
      position && bit(position.state === 'fix'),
    ),
    gauge(
      'headland_fleet_shares',
      'Whether the robot shares sums with its fleet; no sample without a fleet.',
      fleet && bit(fleet.share),
    ),
    gauge(
      'headland_fleet_problems',
      'Tasks in which the robot cannot do what the hub wants; no sample without a fleet.',
      fleet?.tasks.filter(({ problem }) => problem !== null).length ?? null,
    ),
  ];
}

/** The names that client libraries of Prometheus use. */
function processMetrics({ status, process: { cpuSeconds, rssBytes } }: MetricSources): Metric[] {
  return [
    gauge(
      'process_start_time_seconds',
      'Start of the daemon since the Unix epoch, by the clock of the robot.',
      status.startedAtMs / 1_000,
    ),
    counter('process_cpu_seconds_total', 'Processor time of the daemon process.', cpuSeconds),
    gauge('process_resident_memory_bytes', 'Resident memory of the daemon process.', rssBytes),
  ];
}

type Values = number | null | readonly MetricSample[];

function gauge(name: string, help: string, values: Values): Metric {
  return { name, help, values: { type: 'gauge', samples: samplesOf(values) } };
}

function counter(name: string, help: string, values: Values): Metric {
  return { name, help, values: { type: 'counter', samples: samplesOf(values) } };
}

function samplesOf(values: Values): readonly MetricSample[] {
  return typeof values === 'number' || values === null ? [{ value: values }] : values;
}

/** One sample a state: 1 for that which applies, 0 for the others; none when it is not known. */
function states(
  labels: Readonly<Record<string, string>>,
  name: string,
  all: readonly string[],
  now: string | null,
): MetricSample[] {
  if (now === null) return [];
  return all.map((state) => ({ labels: { ...labels, [name]: state }, value: bit(state === now) }));
}

function bit(is: boolean): 0 | 1 {
  return is ? 1 : 0;
}

function share(percent: number | null): number | null {
  return percent === null ? null : percent / 100;
}

function seconds(ms: number): number {
  return ms / 1_000;
}
