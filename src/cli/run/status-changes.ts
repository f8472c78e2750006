import type { AgentStatus } from '../../agent/status.js';

/** What of a status is worth a line when it changes. */
export interface SeenStatus {
  cameras: ReadonlyMap<string, { phase: string; reason: string | null }>;
  /** By code and message. */
  alarms: ReadonlyMap<string, { text: string; remedy: string }>;
  alerts: ReadonlyMap<string, string>;
  /** Labels given by task and class. */
  labels: ReadonlyMap<string, ReadonlyMap<string, number>>;
  isConnected: boolean;
  paused: string;
  namedTasks: boolean;
}

export function seen(status: AgentStatus): SeenStatus {
  return {
    cameras: new Map(
      status.cameras.map(({ name, phase, lastRestartReason }) => [
        name,
        { phase, reason: lastRestartReason?.message ?? null },
      ]),
    ),
    alarms: new Map(
      status.alarms.map(({ name, code, message, remedy }) => [
        `${name} ${code}`,
        { text: `${message} (${code})`, remedy },
      ]),
    ),
    alerts: new Map(
      status.alerts.map(({ rule, camera, label, condition }) => [
        `${rule} ${camera}`,
        `${rule}: ${condition ?? `"${label}"`}${camera === null ? '' : ` on ${camera}`}`,
      ]),
    ),
    labels: new Map(
      status.tasks.map(({ name, samples }) => [
        name,
        new Map(samples.classes.map(({ label, training, holdout }) => [label, training + holdout])),
      ]),
    ),
    isConnected: status.mqtt.connected,
    paused: status.paused.join(', '),
    namedTasks: status.namedTasks,
  };
}

/** The difference of two statuses in sentences, one an event. */
export function statusChanges(before: SeenStatus, after: SeenStatus): string[] {
  return [
    ...cameraChanges(before, after),
    ...alarmChanges(before, after),
    ...alertChanges(before, after),
    ...labelChanges(before, after),
    ...(before.isConnected === after.isConnected
      ? []
      : [after.isConnected ? 'connected to the broker' : 'lost the broker: messages are kept']),
    ...(before.paused === after.paused
      ? []
      : [after.paused === '' ? 'goes on' : `paused: ${after.paused}`]),
  ];
}

function cameraChanges(before: SeenStatus, after: SeenStatus): string[] {
  return [...after.cameras].flatMap(([name, { phase, reason }]) => {
    const was = before.cameras.get(name)?.phase;
    if (was === undefined || was === phase) return [];
    if (phase === 'running') {
      return [was === 'waiting' ? `camera ${name} is back` : `camera ${name} delivers images`];
    }
    if (phase === 'ended') return [`camera ${name}: the recording has ended`];
    if (phase !== 'waiting') return [];
    return [`camera ${name} lost${reason === null ? '' : `: ${reason}`}`];
  });
}

function alarmChanges(before: SeenStatus, after: SeenStatus): string[] {
  return [
    ...[...after.alarms].flatMap(([key, { text, remedy }]) =>
      before.alarms.has(key) ? [] : [`alarm: ${text}. ${remedy}`],
    ),
    ...[...before.alarms].flatMap(([key, { text }]) =>
      after.alarms.has(key) ? [] : [`alarm cleared: ${text}`],
    ),
  ];
}

function alertChanges(before: SeenStatus, after: SeenStatus): string[] {
  return [
    ...[...after.alerts].flatMap(([key, text]) =>
      before.alerts.has(key) ? [] : [`alert raised: ${text}`],
    ),
    ...[...before.alerts].flatMap(([key, text]) =>
      after.alerts.has(key) ? [] : [`alert cleared: ${text}`],
    ),
  ];
}

function labelChanges(before: SeenStatus, after: SeenStatus): string[] {
  return [...after.labels].flatMap(([task, counts]) => {
    const earlier = before.labels.get(task);
    const changed = [...counts].flatMap(([label, count]) => {
      const more = count - (earlier?.get(label) ?? 0);
      return more === 0 ? [] : [{ label, more }];
    });
    for (const [label, count] of earlier ?? []) {
      if (!counts.has(label)) changed.push({ label, more: -count });
    }
    const given = changed.filter(({ more }) => more > 0);
    const gone = changed.filter(({ more }) => more < 0);
    if (given.length === 0 && gone.length === 0) return [];
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const of = after.namedTasks ? ` of ${task}` : '';
    const parts = given.map(({ label, more }) => (more === 1 ? label : `${more} x ${label}`));
    const lost = gone.map(({ label, more }) => (more === -1 ? label : `${-more} x ${label}`));
    const what =
      parts.length === 0
        ? `label removed${of}: ${lost.join(', ')}`
        : `label stored${of}: ${parts.join(', ')}${lost.length > 0 ? ` (was ${lost.join(', ')})` : ''}`;
    return [`${what}; ${total} ${total === 1 ? 'label' : 'labels'} in all`];
  });
}
