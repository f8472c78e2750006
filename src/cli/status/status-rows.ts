import { isRecord } from '../../base/values/is-record.js';
import { duration } from '../../base/words/duration.js';
import type { KnownStatus } from './find-status.js';

type Fields = Record<string, unknown>;

/**
 * A status in six rows for people: who and how it is, cameras, heads with their trust and the next
 * step, labels and trainings, broker and page, alarms; of several tasks, a row each. It reads what other versions answer too: what
 * is missing is left out.
 */
export function statusRows(known: KnownStatus): string[][] {
  const { status } = known;
  const tasks = Array.isArray(status.tasks) ? records(status.tasks) : [status];
  const named = tasks.length > 1 || Array.isArray(status.tasks);
  const ofTasks = (heading: string, line: (task: Fields) => string): string[][] =>
    tasks.map((task, index) => [
      index === 0 ? heading : '',
      named ? `${task.name}: ${line(task)}` : line(task),
    ]);
  return [
    [known.robot, whoAndHow(known)],
    ['cameras', records(status.cameras).map(cameraText).join('; ') || 'none'],
    ...ofTasks('head', headText),
    ...ofTasks('labels', labelsText),
    ...heldRows(status),
    ['broker', brokerText(status)],
    ...fleetRows(status),
    ['alarms', records(status.alarms).map(alarmText).join('; ') || 'none'],
  ];
}

function whoAndHow({ status, demo, pid, stateDir }: KnownStatus): string {
  const metrics = fields(status.metrics);
  const uptime = number(metrics.uptime_seconds);
  const state = Array.isArray(status.paused) && status.paused.length > 0 ? 'paused' : 'online';
  const paused = state === 'paused' ? `paused (${(status.paused as unknown[]).join(', ')})` : state;
  return [
    `headland ${status.version}${demo ? ', the demo' : ''}`,
    `${paused}${uptime === null ? '' : ` for ${duration(uptime)}`}`,
    `${(number(metrics.frames_per_second) ?? 0).toFixed(1)} frames/s`,
    ...(pid === null ? [] : [`process ${pid} in ${stateDir}`]),
  ].join(' · ');
}

/** No row without a fleet. */
function fleetRows(status: Fields): string[][] {
  if (status.fleet === undefined) return [];
  const { hub, share, tasks } = fields(status.fleet);
  const heads = records(tasks).flatMap((task) => {
    const head = fields(task.head);
    const { message } = fields(task.problem);
    return [
      ...(head.version === undefined ? [] : [`head ${head.version} of the fleet: ${head.state}`]),
      ...(typeof message === 'string' ? [message] : []),
    ];
  });
  const from = typeof hub === 'string' ? hub : 'no word of the hub yet';
  return [
    ['fleet', [from, share === true ? 'shares sums' : 'shares nothing', ...heads].join(' · ')],
  ];
}

function heldRows(status: Fields): string[][] {
  const holds = records(status.holds).map((hold) => {
    const seconds = Math.ceil(number(hold.seconds_left) ?? 0);
    const reason = typeof hold.reason === 'string' ? ` (${hold.reason})` : '';
    return `by ${hold.holder}${reason} for ${seconds} s more`;
  });
  const what = 'no training, no other head';
  return holds.length === 0 ? [] : [['held', `${holds.join('; ')}: ${what}`]];
}

function cameraText(camera: Fields): string {
  const quality = fields(camera.quality);
  const condition = typeof quality.condition === 'string' ? `, ${quality.condition}` : '';
  const reason = fields(camera.last_restart_reason);
  const why =
    camera.phase !== 'running' && typeof reason.message === 'string' ? ` (${reason.message})` : '';
  return `${camera.name} ${camera.phase}${why}${condition}`;
}

function headText(task: Fields): string {
  const model = fields(task.model);
  if (task.model === null || task.model === undefined) {
    return 'none yet. Label two frames in each of two classes';
  }
  const version = number(model.head_version);
  const trust = typeof model.trust === 'string' ? `, ${model.trust}` : '';
  const next = typeof model.next_step === 'string' ? `. ${model.next_step}` : '';
  return `${version === null ? 'of the first labels' : version}${trust}${next.replace(/\.$/, '')}`;
}

function labelsText(task: Fields): string {
  const samples = fields(task.samples);
  const training = fields(task.training);
  const classes = records(samples.classes).length;
  const waiting = number(samples.waiting) ?? 0;
  return [
    `${number(samples.labelled) ?? 0} in ${classes} ${classes === 1 ? 'class' : 'classes'}`,
    ...(waiting > 0 ? [`${waiting} ${waiting === 1 ? 'frame waits' : 'frames wait'} for one`] : []),
    trainingText(training),
  ].join(', ');
}

function trainingText(training: Fields): string {
  if (training.running === true) {
    return typeof training.paused === 'string'
      ? `a training is paused: ${training.paused}`
      : 'a training runs';
  }
  const [given, every] = [number(training.new_labels), number(training.every_new_labels)];
  const last = fields(training.last);
  const before =
    typeof last.outcome === 'string' ? `, the last one: ${last.outcome}` : ', none so far';
  if (every === null || given === null || every === 0) return `no training by itself${before}`;
  const left = Math.max(0, every - given);
  return `${left > 0 ? `training in ${left} labels` : 'a training is due'}${before}`;
}

function brokerText(status: Fields): string {
  const mqtt = fields(status.mqtt);
  const waiting = number(status.outbox_messages);
  return [
    `${mqtt.url} ${connectionText(mqtt)}`,
    ...(waiting === null
      ? []
      : [`${waiting} ${waiting === 1 ? 'message waits' : 'messages wait'}`]),
    typeof status.console === 'string' ? `page ${status.console}` : 'no page',
  ].join(' · ');
}

/** A daemon of before says only whether it is connected. */
function connectionText({ connected, protocol, problem, missing }: Fields): string {
  if (connected !== true) {
    const { message } = fields(problem);
    return typeof message === 'string' ? `not connected (${message})` : 'not connected';
  }
  const version = typeof protocol === 'string' ? `, MQTT ${protocol}` : '';
  const limits =
    Array.isArray(missing) && missing.length > 0 ? `, without ${missing.join(', ')}` : '';
  return `connected${version}${limits}`;
}

function alarmText({ code, message }: Fields): string {
  return `${code}: ${message}`;
}

function fields(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
