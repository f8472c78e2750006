import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session, Step } from './session.js';

/** Answers after which the power is cut while labels arrive. */
const ANSWERS_BEFORE_CUT = 8;
/** Answers, one a line, as the robot sent them; written outside of the guest. */
const ACKNOWLEDGED = 'acknowledged';

/** Power is cut while labels arrive and while a head is trained; nothing acknowledged is lost. */
export const powerCutSteps: readonly Step[] = [
  {
    title: 'power is cut while labels arrive',
    isEssential: true,
    async run(session) {
      const before = answers(session).length;
      await session.cutPowerDuring(
        `n=100; while :; do label $n >>/host/${ACKNOWLEDGED}; n=$((n + 1)); done`,
        () => answers(session).length >= before + ANSWERS_BEFORE_CUT,
      );
      session.note(`${answers(session).length - before} answers, then no power`);
    },
  },
  {
    title: 'it boots again: every acknowledged label is there, and the head serves',
    isEssential: true,
    async run(session) {
      await session.switchOn();
      await session.sh('wait_until 180 is_active; message prediction >/dev/null; head_is 1');
      await compareLabels(session);
    },
  },
  {
    title: 'power is cut while a head is trained',
    isEssential: true,
    async run(session) {
      await session.cutPowerDuring(
        `
mosquitto_sub -V 5 -W 600 -t $robot/training/progress >/host/progress &
ask retrain '{}'
sleep 600`,
        () => /"phase":"fit"/.test(textOf(session, 'progress')),
      );
      session.note(textOf(session, 'progress').trim().split('\n').at(-1) ?? '');
    },
  },
  {
    title: 'it boots again: labels and head are there, and the next training succeeds',
    async run(session) {
      await session.switchOn();
      await session.sh(
        'wait_until 180 is_active; message prediction >/dev/null; [ "$(head_version)" -ge 1 ]',
      );
      await compareLabels(session);
      session.note(
        await session.sh(`
mosquitto_sub -V 5 -W 600 -C 1 -t $robot/training/report >/tmp/report & report=$!
ask retrain '{}' >/dev/null
wait $report
jq -r '.outcome + ": " + .reason' /tmp/report
jq -e '.outcome == "promoted" or .outcome == "refused"' /tmp/report >/dev/null`),
      );
    },
  },
];

interface Answer {
  ok: boolean;
  data: { sample_id: string; label: string };
}

function answers(session: Session): Answer[] {
  const first = textOf(session, 'first-labels');
  const later = textOf(session, ACKNOWLEDGED);
  return `${first}${later}`
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line): Answer => JSON.parse(line))
    .filter(({ ok }) => ok);
}

/** What the database on the robot's disk says of each sample that was acknowledged. */
async function compareLabels(session: Session): Promise<void> {
  const listed = await session.sh(`
database='file:/var/lib/private/headland/headland.db?mode=ro'
[ "$(sqlite3 "$database" 'PRAGMA integrity_check')" = ok ]
sqlite3 -separator ' ' "$database" 'SELECT sample_id, label FROM task_samples WHERE label IS NOT NULL'`);
  const stored = new Set(listed.trim().split('\n'));
  const acknowledged = answers(session);
  const lost = acknowledged.filter(({ data }) => !stored.has(`${data.sample_id} ${data.label}`));
  session.acknowledged = acknowledged.length;
  session.lost = Math.max(session.lost, lost.length);
  session.note(`${acknowledged.length} labels acknowledged, ${lost.length} lost`);
  if (lost.length > 0) throw new Error(`lost: ${JSON.stringify(lost)}`);
}

function textOf(session: Session, file: string): string {
  const path = join(session.share, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
