import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/base/random.js';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import { type Daemon, Person, Rig } from '../../test/agent/daemon.js';

/** A killed robot has taken at most so many labels, and so long ago the last of them. */
const MOST_LABELS = 12;
const LONGEST_WORK_MS = 20;
const LABELS = ['crop', 'weed', 'stone'];

type End = () => unknown;

/** Collects what a test would end after itself. */
function collecting(ends: End[]): TestContext {
  return { after: (end: End) => void ends.push(end) } as unknown as TestContext;
}

/** A whole robot that is killed while people label over MQTT and on the page. */
export class KilledDaemon {
  acknowledged = 0;
  readonly #ends: End[] = [];
  #rig: Rig | null = null;
  /** Last label that was acknowledged, by sample. */
  readonly #labels = new Map<string, string>();
  /** A label that was not acknowledged. */
  #underWay: string | null = null;
  #labelled = 0;

  /** Starts it, labels, and kills it. @returns what was promised and does not hold */
  async round(random: Random): Promise<string[]> {
    this.#rig ??= await Rig.create(collecting(this.#ends));
    const ends: End[] = [];
    const daemon = await this.#rig.start();
    try {
      const person = await Person.connect(collecting(ends), daemon.mqttUrl);
      await person.until(({ topic }) => topic.endsWith('/prediction'));
      const transaction = randomUUID();
      await person.publish('headland/r1/cmd/snapshot', JSON.stringify({ transaction }));
      const { body } = await person.until((message) => message.body.transaction === transaction);
      const sample = String(body.data.sample_id);
      const working = this.#label(person, daemon, sample, random.int(MOST_LABELS));
      await working.some;
      await sleep(random.uniform(0, LONGEST_WORK_MS));
      await daemon.stop('SIGKILL');
      for (const end of ends.splice(0)) await end();
      await working.all;
    } finally {
      await daemon.stop('SIGKILL');
      for (const end of ends) await end();
    }
    return this.#check();
  }

  async remove(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }

  /** @returns `some`: so many are acknowledged; `all`: the daemon is gone */
  #label(
    person: Person,
    daemon: Daemon,
    sample: string,
    count: number,
  ): { some: Promise<void>; all: Promise<void> } {
    let enough = (): void => {};
    const some = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const all = this.#labelOn(person, daemon, sample, (acknowledged) => {
      if (acknowledged >= count) enough();
    });
    return { some: Promise.race([some, all]), all };
  }

  async #labelOn(
    person: Person,
    daemon: Daemon,
    sample: string,
    onLabel: (acknowledged: number) => void,
  ): Promise<void> {
    const gone = once(daemon.process, 'close').then(() => null);
    for (let acknowledged = 0; daemon.alive; acknowledged++) {
      onLabel(acknowledged);
      const label = LABELS[this.#labelled++ % LABELS.length]!;
      this.#underWay = label;
      const asked = this.#labelled % 2 === 0 ? onPage : overMqtt;
      const answer = asked(daemon, person, sample, label).catch(() => null);
      const id = await Promise.race([answer, gone]);
      // Nobody knows whether the last label was taken.
      if (id === null) return;
      this.#labels.set(id, label);
      this.#underWay = null;
      this.acknowledged += 1;
    }
  }

  #check(): string[] {
    const database = openDatabase(`${this.#rig!.stateDir}/headland.db`);
    try {
      const store = new SampleStore(database, {
        holdoutShare: 0.2,
        holdoutAfterSamples: 0,
        maxPictureStoreBytes: 1e9,
      });
      return [...this.#labels].flatMap(([id, acknowledged]) => {
        const label = store.get(id)?.label ?? null;
        if (label === acknowledged) return [];
        if (label === null || label !== this.#underWay)
          return [`the label of ${id} is ${label}, not ${acknowledged}`];
        // It was taken, but the robot could not say so.
        this.#labels.set(id, label);
        return [];
      });
    } finally {
      database.close();
    }
  }
}

/** @returns the sample that has the label: that of a picture which the robot has already may be another */
type Asked = (daemon: Daemon, person: Person, sample: string, label: string) => Promise<string>;

const overMqtt: Asked = async (_daemon, person, sample, label) => {
  // Answers that the robot could not send before it was killed come after its next start.
  const transaction = randomUUID();
  await person.publish('headland/r1/cmd/label', JSON.stringify({ sample, label, transaction }));
  const { body } = await person.until((message) => message.body.transaction === transaction);
  if (body.ok !== true) throw new Error(`the label "${label}" was refused`);
  return String(body.data.sample_id);
};

const onPage: Asked = async ({ consoleUrl }, _person, sampleId, label) => {
  const response = await fetch(`${consoleUrl}api/label`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-headland': '1' },
    body: JSON.stringify({ sampleId, label }),
  });
  const answer = (await response.json()) as { sampleIds?: string[] };
  if (!response.ok) throw new Error(`the label "${label}" was refused`);
  return answer.sampleIds?.[0] ?? sampleId;
};
