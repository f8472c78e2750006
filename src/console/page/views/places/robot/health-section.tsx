import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus } from '../../../../contract/live-contract.js';
import type { WordKey } from '../../../words/catalogue/catalogue.js';
import type { Words } from '../../../words/words.js';
import { AlarmList } from '../../alarm-list.js';
import { useAnswer } from '../../use-answer.js';
import { useNow } from '../../use-now.js';
import type { PlaceProps } from '../place-props.js';
import { type FactRows, Facts } from './facts.js';
import { HoldCard } from './hold-card.js';

const REFRESH_MS = 5_000;

const CONDITION_KEYS: Readonly<Record<string, WordKey>> = {
  good: 'robot.imageGood',
  garbage: 'robot.imageGarbage',
  dark: 'robot.imageDark',
  overexposed: 'robot.imageOverexposed',
  blurred: 'robot.imageBlurred',
};

/** What a broker may lack. */
const LACK_KEYS: Readonly<Record<string, WordKey>> = {
  retained_messages: 'robot.lacksRetained',
  qos_1: 'robot.lacksQos',
  large_packets: 'robot.lacksLargePackets',
  wildcard_subscriptions: 'robot.lacksWildcards',
  long_sessions: 'robot.lacksLongSessions',
  shared_subscriptions: 'robot.lacksShared',
};

/** Whether everything works: alarms first, then each camera and the board. */
export function HealthSection({ page, status }: PlaceProps) {
  const words = useWords(page);
  const nowMs = useNow(page.clock, REFRESH_MS);
  const { answer } = useAnswer(page, 'GET /api/robot/position', {});
  const { alarms, cameras } = status;
  const isWell = alarms.length === 0 && cameras.every(cameraIsWell) && boardIsWell(status);
  return (
    <>
      <section class="card verdict-card" data-well={String(isWell)} id="health-verdict">
        <h3>{words.say(isWell ? 'robot.allWell' : 'robot.needsAttention')}</h3>
        <p class="hint">
          {words.say('robot.upFor', {
            version: status.version,
            duration: words.duration(status.uptimeSeconds),
          })}
        </p>
      </section>
      <AlarmList page={page} alarms={alarms} nowMs={nowMs} />
      <HoldCard page={page} holds={status.holds} nowMs={nowMs} />
      <div class="health-cards">
        {cameras.map((camera) => (
          <Facts
            words={words}
            key={camera.name}
            well={cameraIsWell(camera)}
            state={words.say(cameraIsWell(camera) ? 'robot.works' : 'robot.attention')}
            heading={words.say('robot.cameraNamed', { name: camera.name })}
            rows={cameraRows(words, camera, nowMs)}
          />
        ))}
        <Facts
          words={words}
          well={boardIsWell(status)}
          state={words.say(boardIsWell(status) ? 'robot.works' : 'robot.attention')}
          heading={words.say('robot.board')}
          rows={[...boardRows(words, status), ...positionRows(words, answer?.position ?? null)]}
        />
      </div>
    </>
  );
}

function cameraIsWell({ phase, condition }: CameraStatus): boolean {
  return phase === 'running' && (condition === null || condition === 'good');
}

function boardIsWell({ mqtt, backbone }: PlaceProps['status']): boolean {
  return mqtt.connected && backbone !== null;
}

function cameraRows(words: Words, camera: CameraStatus, nowMs: number): FactRows {
  const { framesTotal, droppedTotal, stillFrames, restarts, condition, lastFrameAtMs } = camera;
  const conditionKey = CONDITION_KEYS[condition ?? ''];
  return [
    ['robot.device', camera.description],
    ...(camera.decided ? [] : ([['robot.decides', words.say('robot.notByTask')]] as const)),
    [
      'robot.lastImage',
      lastFrameAtMs === null ? words.say('robot.noneYet') : words.ago(lastFrameAtMs, nowMs),
    ],
    [
      'robot.images',
      words.say('robot.imageCounts', {
        count: framesTotal,
        dropped: droppedTotal,
        still: stillFrames,
      }),
    ],
    [
      'robot.imageQuality',
      conditionKey === undefined ? words.say('robot.notMeasured') : words.say(conditionKey),
    ],
    [
      'robot.restarts',
      restarts === 0
        ? words.say('robot.none')
        : words.say('robot.restartsLast', {
            count: restarts,
            reason: camera.lastRestartReason ?? '',
          }),
    ],
  ];
}

function boardRows(words: Words, status: PlaceProps['status']): FactRows {
  const { backbone, mqtt, frameMsP50, frameMsP95, temperatureC, framesPerSecond } = status;
  return [
    [
      'robot.rate',
      words.say('robot.framesPerSecond', {
        rate: words.number(framesPerSecond, { maximumFractionDigits: 1 }),
      }),
    ],
    [
      'robot.latency',
      frameMsP50 === null
        ? words.say('robot.noneYet')
        : words.say('robot.latencyMs', {
            p50: Math.round(frameMsP50),
            p95: Math.round(frameMsP95 ?? frameMsP50),
          }),
    ],
    [
      'robot.temperature',
      temperatureC === null
        ? words.say('robot.notMeasured')
        : `${words.number(Math.round(temperatureC))} °C`,
    ],
    ...brokerRows(words, mqtt),
    [
      'robot.backbone',
      backbone === null
        ? words.say('robot.notLoaded')
        : `${backbone.name} · ${backbone.engine} · ${backbone.checksum.slice(0, 8)}`,
    ],
    ['robot.stored', words.say('robot.storedImages', { count: status.samples.total })],
  ];
}

function brokerRows(words: Words, mqtt: PlaceProps['status']['mqtt']): FactRows {
  const { url, connected, protocol, problem, missing } = mqtt;
  const state = words.say(connected ? 'robot.brokerConnected' : 'robot.brokerLost');
  const version = protocol === null ? '' : ` · MQTT ${protocol}`;
  const lacks = missing.map((name) => {
    const key = LACK_KEYS[name];
    return key === undefined ? name : words.say(key);
  });
  return [
    ['robot.broker', `${url} · ${state}${version}`],
    // As alarms, which the robot says in English.
    ...(problem === null
      ? []
      : ([['robot.brokerProblem', `${problem.message}. ${problem.remedy}`]] as const)),
    ...(lacks.length === 0 ? [] : ([['robot.brokerLacks', lacks.join(', ')]] as const)),
  ];
}

interface Position {
  source: string;
  state: 'fix' | 'no_fix' | 'silent';
  latitude: number | null;
  longitude: number | null;
  accuracyMeters: number | null;
  ageSeconds: number | null;
}

function positionRows(words: Words, position: Position | null): FactRows {
  if (position === null) return [];
  const { latitude, longitude, accuracyMeters, ageSeconds, state } = position;
  if (latitude === null || longitude === null || ageSeconds === null) {
    const key = state === 'silent' ? 'robot.receiverSilent' : 'robot.noFix';
    return [['robot.position', words.say(key)]];
  }
  const digits = { minimumFractionDigits: 5, maximumFractionDigits: 5 };
  const place = `${words.number(latitude, digits)}°, ${words.number(longitude, digits)}°`;
  const exact = accuracyMeters === null ? '' : ` ± ${words.number(Math.round(accuracyMeters))} m`;
  const age = words.say('robot.positionAge', { age: words.duration(ageSeconds) });
  return [['robot.position', `${place}${exact} · ${age}`]];
}
