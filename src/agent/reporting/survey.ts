import { arch, hostname, release, type } from 'node:os';
import { regionNames } from '../../base/words/eye.js';
import type { FleetStatus } from '../../fleet/robot/fleet-service.js';
import type { Written } from '../../host/written-bytes.js';
import type { BackboneInfo } from '../../perception/perception-protocol.js';
import type { InfoBody, MetricsBody } from '../../telemetry/contract/messages.js';
import type { ModelStatus } from '../learning/model-status.js';
import { cameraQualityMessage } from '../seeing/camera-reports.js';
import type { PositionStatus } from '../seeing/position-service.js';
import type { AgentStatus, TaskStatus } from '../status.js';
import type { AgentView } from '../view.js';
import { holdsMessage, isoTime, modelMessage, sampleTotals } from './agent-messages.js';
import { positionMessage } from './position-message.js';

/** Converts the status to messages of the MQTT contract and to the status line of systemd. */

export function infoMessage(agent: AgentView, backbone: BackboneInfo): InfoBody {
  const tasks = agent.tasks.map(({ name, state: { cameras, regions, samples } }) => {
    return { name, cameras: [...cameras], regions: [...regions], labels: samples.labels() };
  });
  return {
    version: agent.options.version,
    node: process.version,
    backbone: backbone.name,
    backbone_checksum: backbone.checksum,
    backbone_instead_of: backbone.insteadOf,
    engine: backbone.engine,
    cameras: agent.cameras.map(({ config }) => ({
      name: config.name,
      driver: config.driver,
      simulated: config.driver === 'simulated',
      regions: regionNames(config.regions),
    })),
    tasks,
    labels: [...new Set(tasks.flatMap(({ labels }) => labels))].sort(),
    hostname: hostname(),
    arch: arch(),
    os: `${type()} ${release()}`,
  };
}

/** @param written null: the kernel does not count */
export function metricsMessage(
  { uptimeSeconds, frames, board, tasks }: AgentStatus,
  written: Written | null,
): MetricsBody {
  const { throttled, pressure, wear } = board;
  return {
    uptime_seconds: uptimeSeconds,
    frames_total: frames.total,
    dropped_total: frames.droppedTotal,
    frames_per_second: frames.perSecond,
    frame_ms_p50: frames.msP50,
    frame_ms_p95: frames.msP95,
    loop_delay_ms_p99: frames.loopDelayMsP99,
    rss_bytes: process.memoryUsage.rss(),
    temperature_c: board.temperatureC,
    throttled: throttled && (throttled.slowed || throttled.underVoltage),
    frame_limit: frameLimit(frames.limit),
    disk_free_bytes: board.diskFreeBytes,
    pressure: {
      cpu_percent: pressure.cpuPercent,
      memory_percent: pressure.memoryPercent,
      io_percent: pressure.ioPercent,
    },
    memory_available_bytes: board.memoryAvailableBytes,
    storage: {
      life_used_percent: wear.lifeUsedPercent,
      reserve: wear.reserve,
      file_system_errors: wear.fileSystemErrors,
    },
    clock: board.clock,
    written_bytes_total: written?.totalBytes ?? null,
    written_bytes_last_day: written?.lastDayBytes ?? null,
    samples: sampleTotals(tasks.map(({ samples }) => samples)),
  };
}

function frameLimit({
  framesPerSecond,
  reason,
}: AgentStatus['frames']['limit']): MetricsBody['frame_limit'] {
  return framesPerSecond === null || reason === null
    ? null
    : { frames_per_second: framesPerSecond, reason };
}

/**
 * Response data of the command `status`, with the field names of the contract's messages.
 * @param written null: the kernel does not count
 */
export function statusAnswer(
  status: AgentStatus,
  written: Written | null,
): Record<string, unknown> {
  const [only] = status.tasks;
  return {
    state: status.state,
    paused: status.paused,
    holds: holdsMessage(status.holds),
    boot: status.boot,
    started_at: isoTime(status.startedAtMs),
    version: status.version,
    alarms: status.alarms.map(({ name, severity, code, message, remedy, sinceAtMs }) => {
      return { alarm: name, severity, code, message, remedy, since: isoTime(sinceAtMs) };
    }),
    alerts: status.alerts.map((alert) => ({
      rule: alert.rule,
      ...(status.namedTasks ? { task: alert.task } : {}),
      camera: alert.camera,
      region: alert.region,
      label: alert.label,
      condition: alert.condition,
      output: alert.output,
      acknowledged: alert.acknowledged,
      since: isoTime(alert.sinceAtMs),
    })),
    mqtt: status.mqtt,
    outbox_messages: status.waitingMessages,
    outbox_dropped_total: status.droppedMessages,
    console: status.consoleUrl,
    cameras: status.cameras.map((camera) => ({
      name: camera.name,
      regions: camera.regions,
      description: camera.description,
      phase: camera.phase,
      frames_total: camera.framesTotal,
      dropped_total: camera.droppedTotal,
      still_frames: camera.stillFrames,
      invalid_pictures: camera.invalidPictures,
      restarts: camera.restarts,
      last_restart_reason: camera.lastRestartReason && {
        code: camera.lastRestartReason.code,
        message: camera.lastRestartReason.message,
        at: isoTime(camera.lastRestartReason.atMs),
      },
      quality: camera.quality && cameraQualityMessage(camera.name, camera.quality),
    })),
    backbone: status.backbone,
    ...(status.namedTasks
      ? { tasks: status.tasks.map((task) => ({ name: task.name, ...taskAnswer(task) })) }
      : taskAnswer(only)),
    ...(status.position ? { position: positionAnswer(status.position) } : {}),
    ...(status.fleet ? { fleet: fleetAnswer(status.fleet) } : {}),
    metrics: metricsMessage(status, written),
  };
}

function fleetAnswer({ hub, share, quarantined, tasks }: FleetStatus): Record<string, unknown> {
  return {
    hub,
    share,
    quarantined,
    tasks: tasks.map(({ task, sharedVersion, sharedSamples, head, problem }) => ({
      task,
      shared_version: sharedVersion,
      shared_samples: sharedSamples,
      head,
      problem: problem && {
        code: problem.code,
        message: problem.message,
        remedy: problem.remedy,
      },
    })),
  };
}

function positionAnswer({ source, state, position }: PositionStatus): Record<string, unknown> {
  return { source, state, ...(position ? positionMessage(position) : {}) };
}

function taskAnswer({ model, samples, training }: TaskStatus): Record<string, unknown> {
  const { last } = training;
  return {
    model: model.card || model.learnt ? modelMessage(model) : null,
    samples,
    training: {
      running: training.running !== null,
      paused: training.running?.paused ?? null,
      new_labels: training.newLabels,
      every_new_labels: training.everyNewLabels,
      instant_failures: training.instantFailures,
      last: last && {
        training_id: last.trainingId,
        outcome: last.outcome,
        reason: last.reason,
        head_version: last.headVersion,
        finished_at: last.finishedAt,
      },
    },
  };
}

/** One line for `systemctl status`. */
export function statusLine(status: AgentStatus): string {
  const { frames, tasks, mqtt } = status;
  const limit = frameLimit(frames.limit);
  return [
    status.state === 'paused' ? 'paused' : `${frames.perSecond.toFixed(1)} frames/s`,
    status.backbone?.insteadOf ? 'fp32 instead of 8-bit backbone' : null,
    limit && `at most ${limit.frames_per_second.toFixed(1)} (${limit.reason})`,
    ...tasks.map((task) => taskLine(task, status.namedTasks)),
    mqtt.connected ? null : 'no broker',
    ...status.alarms.map(({ code }) => code),
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function taskLine(task: TaskStatus, named: boolean): string {
  const { running } = task.training;
  const line = [
    headLine(task.model),
    `${task.samples.labelled} labels`,
    ...(running ? [running.paused ? `training paused: ${running.paused}` : 'training'] : []),
  ].join(', ');
  return named ? `${task.name}: ${line}` : line;
}

function headLine({ card, learnt, trust }: ModelStatus): string {
  const head = card ? `head ${card.version}` : learnt ? 'head of the first labels' : 'no head yet';
  const more = card && learnt ? ` and ${learnt.labels} labels` : '';
  return `${head}${more}${trust ? ` (${trust})` : ''}`;
}
