import type { CameraStatus, ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { ago, duration, plural } from '../../words/figures.js';

type Rows = readonly (readonly [name: string, value: string])[];

export function HealthCard({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  const { cameras, backbone, mqtt } = status;
  const boardIsWell = mqtt.connected && backbone !== null;
  const nowMs = page.clock.nowMs();
  return (
    <section class="card health" aria-labelledby="health-title">
      <header>
        <h2 id="health-title">Health</h2>
        <span class="count" id="health-count">
          {boardIsWell && cameras.every(isWell) ? 'all OK' : 'needs attention'}
        </span>
      </header>
      <div id="health">
        {cameras.map((camera) => (
          <Facts
            key={camera.name}
            well={isWell(camera)}
            heading={`Camera ${camera.name}: ${camera.phase}`}
            rows={cameraRows(camera, status.task, nowMs)}
          />
        ))}
        <Facts well={boardIsWell} heading="Board" rows={boardRows(status)} />
      </div>
    </section>
  );
}

function Facts({ well, heading, rows }: { well: boolean; heading: string; rows: Rows }) {
  return (
    <div>
      <p class="camera-state">
        <i class={`dot ${well ? 'good' : 'bad'}`} />
        <span>{heading}</span>
      </p>
      <dl class="rows">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function isWell({ phase, condition }: CameraStatus): boolean {
  return phase === 'running' && (condition === null || condition === 'good');
}

function cameraRows(camera: CameraStatus, task: string, nowMs: number): Rows {
  const { framesTotal, droppedTotal, stillFrames, restarts } = camera;
  const still = stillFrames > 0 ? `, ${stillFrames} skipped without change` : '';
  const undecided = [['Decisions', `none by the task ${task}`]] as const;
  return [
    ['Device', camera.description],
    ...(camera.decided ? [] : undecided),
    ['Last picture', camera.lastFrameAtMs === null ? 'none yet' : ago(camera.lastFrameAtMs, nowMs)],
    ['Pictures', `${framesTotal} captured, ${droppedTotal} dropped${still}`],
    ['Image quality', camera.condition ?? 'not measured yet'],
    ['Restarts', restarts === 0 ? 'none' : `${restarts}, last: ${camera.lastRestartReason}`],
  ];
}

function boardRows(status: ConsoleStatus): Rows {
  const { backbone, mqtt, frameMsP50, frameMsP95, temperatureC } = status;
  return [
    ['Speed', `${status.framesPerSecond.toFixed(1)} frames/s`],
    [
      'Frame to decision',
      frameMsP50 === null
        ? 'none yet'
        : `${frameMsP50.toFixed(0)} ms, 95% within ${frameMsP95?.toFixed(0)} ms`,
    ],
    ['Temperature', temperatureC === null ? 'not measured' : `${temperatureC.toFixed(0)} °C`],
    ['MQTT', `${mqtt.url}, ${mqtt.connected ? 'connected' : 'not connected'}`],
    [
      'Backbone',
      backbone === null
        ? 'not loaded yet'
        : `${backbone.name}, ${backbone.featureSize} features, ${backbone.engine}, ${backbone.checksum.slice(0, 8)}`,
    ],
    ['Stored', plural(status.samples.total, 'picture')],
    ['headland', `${status.version}, up ${duration(status.uptimeSeconds)}`],
  ];
}
