import { z } from 'zod';
import { HeadlandError, type SerialisedError } from '../../base/errors.js';
import { dateOf } from '../../base/moment.js';
import { redactValue } from '../../base/redact.js';
import { eyesOf } from '../../base/words/eye.js';
import { ALERT_CONDITIONS } from '../../config/sections/alerts.js';
import type { SettingChange } from '../../config/settings/setting-change.js';
import { pathText } from '../../config/settings/setting-path.js';
import {
  type EVENT_KINDS,
  METRICS_TYPE,
  type PictureLayout,
  type ROBOT,
} from '../../console/contract/robot-contract.js';
import type { HandlersOf } from '../../console/handlers.js';
import { mediaTypeOf } from '../../vision/sniff.js';
import type { Requester } from '../audit-trail.js';
import { metricsPage } from '../metrics/metrics-page.js';
import type { RobotSettings } from '../settings/robot-settings.js';
import { agentStatus } from '../status.js';
import type { AgentView } from '../view.js';

const BY: Requester = { source: 'console' };

type RobotHandlers = HandlersOf<keyof typeof ROBOT>;
type SettingsKey = Extract<
  keyof typeof ROBOT,
  `${string} /api/robot/settings${string}` | `${string}/restart`
>;
type CameraKey = Extract<keyof typeof ROBOT, `${string} /api/robot/cameras/${string}`>;
type AlertKey = Extract<
  keyof typeof ROBOT,
  `${string} /api/robot/alerts${string}` | `${string} /api/robot/outputs/${string}`
>;

/** Health, settings and devices of the robot. */
export function robotHandlers(agent: AgentView): RobotHandlers {
  const { doctor, options, state } = agent;
  return {
    ...settingsHandlers(agent),
    ...cameraHandlers(agent),
    ...alertHandlers(agent),
    'GET /metrics': () => ({
      mediaType: METRICS_TYPE,
      bytes: Buffer.from(metricsPage(agent)),
    }),
    'GET /api/robot/doctor': () => {
      const { progress, last } = doctor;
      return {
        running: progress !== null,
        check: progress?.check ?? null,
        done: progress?.done ?? 0,
        total: progress?.total ?? 0,
        finishedAtMs: last === null ? null : Date.parse(last.at),
        state: last?.state ?? null,
        checks: (last?.checks ?? []).map(({ name, state: worst, findings }) => ({
          name,
          state: worst,
          findings: findings.map(({ state: found, subject, code, reason, remedy }) => {
            return { state: found, subject, code, reason, remedy };
          }),
        })),
      };
    },
    'POST /api/robot/doctor': () => {
      doctor.start();
      return {};
    },
    'GET /api/robot/log': ({ query: { after = 0, limit = 500, level = 'info' } }) =>
      options.logMemory?.after(after, { limit, level }) ?? { records: [], newest: 0 },
    'GET /api/robot/events': ({ query: { kind, before, limit = 50 } }) => {
      const events = state.events.list({ kind, before, limit: limit + 1 });
      return {
        events: events
          .slice(0, limit)
          .map(({ sequence, atMs, kind: of, severity, key, values, text }) => {
            return {
              id: sequence,
              atMs,
              kind: of as EventKind,
              severity,
              message: { key, values, text },
            };
          }),
        more: events.length > limit,
      };
    },
    'GET /api/robot/position': () => {
      const { position } = agentStatus(agent);
      if (position === null) return { position: null };
      const { source, state: fix, last } = position;
      return {
        position: {
          source,
          state: fix,
          latitude: last?.position.latitude ?? null,
          longitude: last?.position.longitude ?? null,
          accuracyMeters: last?.position.accuracyMeters ?? null,
          ageSeconds: last === null ? null : Math.round(last.ageMs / 100) / 10,
        },
      };
    },
  };
}

type EventKind = (typeof EVENT_KINDS)[number];

function settingsHandlers({ operations, options }: AgentView): HandlersOf<SettingsKey> {
  return {
    'GET /api/robot/settings': () => {
      const settings = settingsOf(options.settings);
      const view = settings.read();
      const { last } = view;
      return {
        path: view.file,
        writtenTo: view.place?.path ?? null,
        checksum: view.checksum,
        writable: view.readOnly === null,
        reason: view.readOnly && failureOf(view.readOnly),
        values: json(view.values),
        effective: json(view.effective),
        schema: json(settings.schema()),
        secrets: view.secrets,
        changedHere: view.changedOnPage,
        restartNeeded: view.restartFor,
        last: last && {
          state: last.state,
          paths: last.paths,
          atMs: last.atMs,
          failure: last.error && failureOf(last.error),
        },
      };
    },
    'POST /api/robot/settings/check': ({ body: { changes } }) => {
      const { problems, appliesBy } = settingsOf(options.settings).check(changes.map(changeOf));
      return { problems, effect: appliesBy };
    },
    'POST /api/robot/settings': async ({ body: { checksum, changes } }) =>
      appliedOf(await operations.changeSettings(changes.map(changeOf), checksum, BY)),
    'POST /api/robot/restart': async () => {
      await operations.restart(BY);
      return {};
    },
  };
}

function cameraHandlers(agent: AgentView): HandlersOf<CameraKey> {
  const { cameraPictures, operations, options } = agent;
  return {
    'GET /api/robot/cameras/{camera}/still.jpg': ({ params }) => {
      const { picture, capturedAtMs } = cameraPictures.still(params.camera);
      return {
        mediaType: mediaTypeOf(picture),
        bytes: picture,
        headers: { 'x-headland-captured-at-ms': String(Math.round(capturedAtMs)) },
      };
    },
    'GET /api/robot/cameras/{camera}/regions': ({ params }) => {
      const { crop, regions, masks, boxes } = cameraPictures.layout(params.camera);
      const { checksum } = settingsOf(options.settings).read();
      return { crop, regions, masks, boxes, checksum };
    },
    'POST /api/robot/cameras/{camera}/preview': async ({ params, body }) => {
      const pictures = await cameraPictures.preview(params.camera, body);
      return {
        pictures: pictures.map(({ region, jpeg }) => ({
          region,
          mediaType: mediaTypeOf(jpeg),
          base64: Buffer.from(jpeg).toString('base64'),
        })),
      };
    },
    'POST /api/robot/cameras/{camera}/regions': async ({
      params,
      body: { checksum, ...layout },
    }) => {
      const changes = layoutChanges(agent, params.camera, layout);
      return appliedOf(await operations.changeSettings(changes, checksum, BY));
    },
    'GET /api/robot/cameras/found': async () => ({ cameras: await cameraPictures.found() }),
  };
}

function alertHandlers(agent: AgentView): HandlersOf<AlertKey> {
  const { config, operations, options } = agent;
  return {
    'GET /api/robot/alerts': () => ({
      rules: config.alerts.rules.map((rule, index) => ({
        name: rule.name,
        index,
        settings: redactValue(z.record(z.string(), z.json()).parse(rule)),
        output: rule.output,
        hasCommand: rule.command !== null,
        raised: agent.alerts
          .filter((alert) => alert.rule === rule.name)
          .map(({ task, camera, region, label, condition, sinceMs, acknowledged }) => {
            return {
              task,
              camera,
              region,
              label,
              condition,
              sinceMs: dateOf(sinceMs),
              acknowledged,
            };
          }),
      })),
      outputs: agent.outputs.map(({ name, description, isOn, testUntilMs }) => ({
        name,
        description,
        on: isOn,
        testUntilMs: testUntilMs === null ? null : dateOf(testUntilMs),
        rules: config.alerts.rules.flatMap((rule) => (rule.output === name ? [rule.name] : [])),
      })),
      choices: {
        tasks: agent.tasks.map(({ name, state, heads }) => {
          const known = heads.serving?.card.labels ?? [];
          const given = state.samples.labels();
          return { name, labels: [...new Set([...known, ...given])].sort() };
        }),
        cameras: config.cameras.map((camera) => ({
          name: camera.name,
          regions: eyesOf(camera).flatMap(({ region }) => region ?? []),
        })),
        conditions: [...ALERT_CONDITIONS],
        outputs: config.gpio.outputs.map(({ name }) => name),
      },
      checksum: settingsOf(options.settings).read().checksum,
    }),
    'POST /api/robot/alerts/acknowledge': async ({ body }) => ({
      acknowledged: (await operations.acknowledgeAlerts(body.rule, BY)).length,
    }),
    'POST /api/robot/alerts/{rule}/test': async ({ params }) => {
      await operations.testCommand(params.rule, BY);
      return {};
    },
    'POST /api/robot/outputs/{output}/test': async ({ params, body }) => ({
      untilMs: dateOf(await operations.testOutput(params.output, body.seconds, BY)),
    }),
  };
}

/** The settings of a camera at its place in the file. What is nothing is removed. */
function layoutChanges(
  { config }: AgentView,
  camera: string,
  { crop, regions, masks }: PictureLayout,
): SettingChange[] {
  const index = config.cameras.findIndex(({ name }) => name === camera);
  if (index < 0) {
    throw new HeadlandError('HL_CAMERA_UNKNOWN', `there is no camera "${camera}"`, {
      remedy: `Use one of: ${config.cameras.map(({ name }) => name).join(', ')}.`,
    });
  }
  const put = (setting: string, value: unknown, isNothing: boolean): SettingChange => {
    const path = `cameras[${index}].${setting}`;
    return isNothing ? { path } : { path, value };
  };
  return [
    put('crop', crop, crop === null),
    put('regions', regions, Array.isArray(regions) && regions.length === 0),
    put('masks', masks, masks.length === 0),
  ];
}

function changeOf(change: { path: (string | number)[]; value?: unknown }): SettingChange {
  const path = pathText(change.path);
  return 'value' in change ? { path, value: change.value } : { path };
}

function appliedOf({
  checksum,
  appliesBy,
  restartFor,
}: Awaited<ReturnType<RobotSettings['apply']>>) {
  return { checksum, effect: appliesBy, restartNeeded: restartFor };
}

/** Plain JSON is what goes over the wire anyway. */
function json(value: unknown): z.core.util.JSONType {
  return JSON.parse(JSON.stringify(value));
}

function failureOf({ code, message, remedy }: SerialisedError) {
  return { code, message, remedy };
}

function settingsOf(settings: RobotSettings | undefined): RobotSettings {
  if (settings) return settings;
  throw new HeadlandError('HL_SETTINGS_READ_ONLY', 'this process has no settings to change', {
    remedy: 'Ask the page of the running daemon.',
  });
}
