import { arch, hostname, release, type } from 'node:os';
import { readings } from '../host/board.js';
import type { BackboneInfo } from '../perception/protocol.js';
import type { InfoBody, MetricsBody } from '../telemetry/contract.js';
import { cameraQualityMessage } from './camera-reports.js';
import { modelMessage, sampleTotals, trustOf } from './messages.js';
import type { AgentView } from './view.js';

/** What the daemon can say of itself: for `info`, for `metrics`, and for the command `status`. */

export function infoMessage(agent: AgentView, backbone: BackboneInfo): InfoBody {
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
    })),
    labels: agent.state.samples.counts().classes.map(({ label }) => label),
    hostname: hostname(),
    arch: arch(),
    os: `${type()} ${release()}`,
  };
}

export function metricsMessage(agent: AgentView): MetricsBody {
  const board = readings({ diskPath: agent.config.paths.stateDir });
  const { statistics } = agent;
  return {
    uptime_seconds: (Date.now() - agent.startedAtMs) / 1_000,
    frames_total: statistics.framesTotal,
    dropped_total: droppedTotal(agent),
    frames_per_second: statistics.framesPerSecond(Date.now()),
    frame_ms_p50: statistics.durationMs(0.5),
    frame_ms_p95: statistics.durationMs(0.95),
    loop_delay_ms_p99: statistics.takeLoopDelayMs(),
    rss_bytes: process.memoryUsage.rss(),
    temperature_c: board.temperatureC,
    throttled: board.throttled && (board.throttled.slowed || board.throttled.underVoltage),
    frame_limit: frameLimit(agent),
    disk_free_bytes: board.diskFreeBytes,
    samples: sampleTotals(agent.state.samples.counts()),
  };
}

function frameLimit({ sparing }: AgentView): MetricsBody['frame_limit'] {
  const { framesPerSecond, reason } = sparing.limit;
  return framesPerSecond === null || reason === null
    ? null
    : { frames_per_second: framesPerSecond, reason };
}

/** The answer to `status`: everything at once, as the contract's messages name it. */
export function describeAgent(agent: AgentView): Record<string, unknown> {
  const { serving } = agent.heads;
  const { learnt } = agent.instant;
  return {
    state: agent.pausing.has('inference') ? 'paused' : 'online',
    paused: agent.pausing.paused,
    boot: agent.boot,
    started_at: new Date(agent.startedAtMs).toISOString(),
    version: agent.options.version,
    mqtt: { url: agent.telemetry.url, connected: agent.telemetry.connected },
    console: agent.consoleUrl,
    cameras: agent.cameras.map(({ supervisor }) => {
      const state = supervisor.state();
      return {
        name: state.name,
        description: state.description,
        phase: state.phase,
        frames_total: state.framesTotal,
        dropped_total: agent.perception.dropped(state.name) + state.droppedFrames,
        still_frames: state.stillFrames,
        invalid_pictures: state.invalidPictures,
        restarts: state.restarts,
        last_restart_reason: state.lastRestartReason && {
          code: state.lastRestartReason.code,
          message: state.lastRestartReason.message,
          at: new Date(state.lastRestartReason.atMs).toISOString(),
        },
        quality: state.quality && cameraQualityMessage(state.name, state.quality),
      };
    }),
    model: serving || learnt ? modelMessage(serving, learnt, agent.config.models.backbone) : null,
    backbone: agent.perception.backbone,
    samples: agent.state.samples.counts(),
    training: {
      running: agent.training.running !== null,
      new_labels: agent.training.newLabels,
      every_new_labels: agent.config.training.everyNewLabels,
      instant_failures: agent.instant.failures,
    },
    metrics: metricsMessage(agent),
  };
}

export function droppedTotal(agent: AgentView): number {
  return agent.cameras.reduce(
    (sum, { config, supervisor }) =>
      sum + agent.perception.dropped(config.name) + supervisor.state().droppedFrames,
    0,
  );
}

/** One line for `systemctl status`. */
export function statusLine(agent: AgentView): string {
  const { labelled } = agent.state.samples.counts();
  const limit = frameLimit(agent);
  return [
    agent.pausing.has('inference')
      ? 'paused'
      : `${agent.statistics.framesPerSecond(Date.now()).toFixed(1)} frames/s`,
    agent.perception.backbone?.insteadOf && 'fp32 instead of 8-bit backbone',
    limit && `at most ${limit.frames_per_second.toFixed(1)} (${limit.reason})`,
    headLine(agent),
    `${labelled} labels`,
    agent.training.running ? 'training' : null,
    agent.telemetry.connected ? null : 'no broker',
  ]
    .filter((part) => part !== null && part !== undefined)
    .join(', ');
}

function headLine({ heads: { serving }, instant: { learnt } }: AgentView): string {
  const head = serving
    ? `head ${serving.card.version}`
    : learnt
      ? 'a head of the first labels'
      : 'no head yet';
  const more = serving && learnt ? ` and ${learnt.labels} labels` : '';
  const { trust } = trustOf(serving, learnt);
  return `${head}${more}${trust ? ` (${trust})` : ''}`;
}
