import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HubOverview } from '../../../src/fleet/contract/hub-api.js';
import type { HubStore } from '../../../src/fleet/hub/store/hub-store.js';
import type { TaskSums } from '../../../src/head/sums/task-sums.js';
import { HubChild } from '../../fleet/hub-child.js';
import { until } from '../../fleet/hub-fixture.js';
import { freePort, listen } from '../../ports.js';
import { type FleetYard, TASK } from './fleet-yard.js';
import type { Said, Situation } from './scenario.js';

/** What people and robots have with a hub: provokes, hands what was said to `heard`, and follows. */
export interface FleetHubScenario extends Situation {
  run(yard: FleetYard, heard: (said: Said) => void): Promise<void>;
}

/** A hub with these settings starts. */
async function starts(yard: FleetYard, settings: object): Promise<void> {
  const child = new HubChild({ ...yard.settings, replica: 'other', ...settings });
  try {
    await child.up();
  } finally {
    await child.stop();
  }
}

/** Sums that are refused, and then those that the remedy asks for. */
function refusedSums(
  situation: Situation,
  name: string,
  distort: (sums: TaskSums) => TaskSums,
): FleetHubScenario {
  return {
    ...situation,
    run: async (yard, heard) => {
      let isFollowed = false;
      const robot = await yard.robot(name, undefined, {
        distort: (sums) => (isFollowed ? sums : distort(sums)),
      });
      heard(await yard.refusal(robot, situation.code));
      isFollowed = true;
      yard.teach(robot);
      await yard.accepted(robot);
    },
  };
}

/** Spoils the merged sums of one class, or does not; lets the leader compute them anew. */
async function compare(store: HubStore, isSpoilt: boolean): Promise<void> {
  await store.transaction(async ({ merged, scopes, sql }) => {
    const [scope] = await scopes.list();
    const row = await merged.find(scope!.id, 'maize');
    const low = Uint8Array.from(row!.low);
    if (isSpoilt) low[8]! ^= 1;
    await merged.put(scope!.id, { ...row!, low });
    await sql.run('UPDATE scopes SET recomputed_at_ms = 0');
  });
}

const alarmOf = async (yard: FleetYard, code: string) =>
  (await yard.get<HubOverview>('/api/overview')).alarms.find((alarm) => alarm.code === code);

export const fleetHubScenarios: FleetHubScenario[] = [
  {
    code: 'HL_FLEET_CERTIFICATE',
    follows: 'a certificate and its private key, both in PEM',
    run: async (yard, heard) => {
      const cert = yard.file('cert.pem', 'no certificate');
      const key = yard.file('key.pem', 'no key');
      const http = { port: 0, certFile: cert, key: { file: key } };
      const config = yard.configuration('tls.yaml', { http });
      heard(await yard.failed('HL_FLEET_CERTIFICATE', 'serve', '--config', config));
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'].concat([
          '-subj',
          '/CN=hub',
          '-days',
          '1',
          '-keyout',
          key,
          '-out',
          cert,
        ]),
        { stdio: 'ignore' },
      );
      await starts(yard, { http });
    },
  },
  {
    code: 'HL_FLEET_LISTEN_FAILED',
    follows: 'Choose another http.port',
    run: async (yard, heard) => {
      const other = createServer();
      yard.t.after(() => other.close());
      const port = await listen(other);
      const config = yard.configuration('port.yaml', { http: { port } });
      heard(await yard.failed('HL_FLEET_LISTEN_FAILED', 'serve', '--config', config));
      await starts(yard, { http: { port: await freePort() } });
    },
  },
  {
    code: 'HL_FLEET_STORE_UNAVAILABLE',
    follows: 'correct the setting store',
    run: async (yard, heard) => {
      const store = `postgres://hub@127.0.0.1:${await freePort()}/hub`;
      const config = yard.configuration('store.yaml', { store });
      heard(await yard.failed('HL_FLEET_STORE_UNAVAILABLE', 'overview', '--config', config));
      yard.configuration('store.yaml', {});
      await yard.must('overview', '--config', config);
    },
  },
  {
    code: 'HL_FLEET_TOKEN_NEEDED',
    when: 'with a token',
    follows: 'Give --token-file',
    run: async (yard, heard) => {
      heard(await yard.failed('HL_FLEET_TOKEN_NEEDED', 'overview', '--url', yard.url));
      await yard.must('overview', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_TOKEN_NEEDED',
    when: 'on the store',
    follows: 'work on the store where the hub runs: --config FILE',
    run: async (yard, heard) => {
      heard(await yard.failed('HL_FLEET_TOKEN_NEEDED', 'overview', '--url', yard.url));
      await yard.must('overview', ...yard.direct);
    },
  },
  {
    code: 'HL_FLEET_TOKEN_REFUSED',
    follows: 'An operator makes tokens: `headland fleet people add NAME`',
    run: async (yard, heard) => {
      const token = yard.file('token', 'x'.repeat(43));
      const remote = ['--url', yard.url, '--token-file', token];
      heard(await yard.failed('HL_FLEET_TOKEN_REFUSED', 'overview', ...remote));
      yard.file('token', await yard.person('Vera', 'view'));
      await yard.must('overview', ...remote);
    },
  },
  {
    code: 'HL_FLEET_TOO_MANY_ATTEMPTS',
    follows: 'then use the right token',
    run: async (yard, heard) => {
      const headers = { authorization: `Bearer ${'x'.repeat(43)}` };
      for (let guess = 0; guess < 25; guess++) await fetch(`${yard.url}api/me`, { headers });
      const said = await yard.failed('HL_FLEET_TOO_MANY_ATTEMPTS', 'overview', ...yard.remote);
      heard(said);
      const [, seconds] = /Wait (\d+) s/.exec(said.remedy ?? '') ?? [];
      await sleep(Number(seconds) * 1_000);
      await yard.must('overview', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_HUB_UNREACHABLE',
    when: 'another address',
    follows: 'correct --url',
    run: async (yard, heard) => {
      const [, , ...token] = yard.remote;
      const wrong = ['--url', `http://127.0.0.1:${await freePort()}/`, ...token];
      heard(await yard.failed('HL_FLEET_HUB_UNREACHABLE', 'overview', ...wrong));
      await yard.must('overview', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_HUB_UNREACHABLE',
    when: 'it does not run',
    follows: 'Start the hub (`headland fleet serve`)',
    run: async (yard, heard) => {
      const before = yard.remote;
      await yard.down();
      heard(await yard.failed('HL_FLEET_HUB_UNREACHABLE', 'overview', ...before));
      await yard.up();
      await yard.must('overview', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_ROLE',
    follows: 'use the token of one',
    run: async (yard, heard) => {
      const viewer = yard.file('viewer', await yard.person('Vincent', 'view'));
      const remote = ['--url', yard.url, '--token-file', viewer];
      heard(await yard.failed('HL_FLEET_ROLE', 'pause', '--robot', 'a', ...remote));
      await yard.must('pause', '--robot', 'a', ...yard.remote);
      await yard.must('resume', '--robot', 'a', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_ROBOT_UNKNOWN',
    follows: 'List the robots: `headland fleet robots`',
    run: async (yard, heard) => {
      heard(await yard.failed('HL_FLEET_ROBOT_UNKNOWN', 'release', 'A', ...yard.remote));
      const listed = await yard.must('robots', ...yard.remote);
      assert.match(listed, /^a\s/m);
      await yard.must('release', 'a', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_TASK_UNKNOWN',
    follows: 'Name one with --task',
    run: async (yard, heard) => {
      const unknown = ['round', '--task', 'crops', ...yard.remote];
      heard(await yard.failed('HL_FLEET_TASK_UNKNOWN', ...unknown));
      const listed = await yard.must('overview', ...yard.remote);
      assert.match(listed, /task weeds/);
      await yard.must('round', ...TASK, ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_VERSION_UNKNOWN',
    follows: 'List the heads of the task: `headland fleet overview`',
    run: async (yard, heard) => {
      const pin = (version: string) => ['pin', version, '--robot', 'a', ...TASK, ...yard.remote];
      heard(await yard.failed('HL_FLEET_VERSION_UNKNOWN', ...pin('999')));
      const [, version] = /head (\d+),/.exec(await yard.must('overview', ...yard.remote)) ?? [];
      await yard.must(...pin(version!));
      await yard.must('resume', '--robot', 'a', ...TASK, ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_REQUEST_INVALID',
    follows: 'Send what docs/reference/fleet-hub.md describes for this path',
    run: async (yard, heard) => {
      const said = await yard.failed('HL_FLEET_REQUEST_INVALID', 'pause', ...yard.remote);
      assert.match(said.message, /name either a robot or a group/);
      heard(said);
      await yard.must('pause', '--group', 'north', ...yard.remote);
      await yard.must('resume', '--group', 'north', ...yard.remote);
    },
  },
  {
    code: 'HL_FLEET_PERSON_INVALID',
    follows: 'Use 1 to 63 letters',
    run: async (yard, heard) => {
      heard(await yard.failed('HL_FLEET_PERSON_INVALID', 'people', 'add', 'a/b', ...yard.direct));
      await yard.must('people', 'add', 'a b', ...yard.direct);
    },
  },
  {
    code: 'HL_FLEET_PERSON_KNOWN',
    when: 'another person',
    follows: 'Choose another name',
    run: async (yard, heard) => {
      heard(await yard.failed('HL_FLEET_PERSON_KNOWN', 'people', 'add', 'Otto', ...yard.direct));
      await yard.must('people', 'add', 'Otto 2', ...yard.direct);
    },
  },
  {
    code: 'HL_FLEET_PERSON_KNOWN',
    when: 'a new token',
    follows: 'remove the person first',
    run: async (yard, heard) => {
      const add = ['people', 'add', 'Otto 2', ...yard.direct];
      heard(await yard.failed('HL_FLEET_PERSON_KNOWN', ...add));
      await yard.must('people', 'remove', 'Otto 2', ...yard.direct);
      await yard.must(...add);
    },
  },
  {
    code: 'HL_FLEET_NOT_FOUND',
    follows: '`headland fleet people list`',
    run: async (yard, heard) => {
      const remove = (name: string) => ['people', 'remove', name, ...yard.remote];
      heard(await yard.failed('HL_FLEET_NOT_FOUND', ...remove('Otto 3')));
      assert.match(await yard.must('people', 'list', ...yard.remote), /^Otto 2\s/m);
      await yard.must(...remove('Otto 2'));
    },
  },
  refusedSums(
    {
      code: 'HL_FLEET_BACKBONE_OTHER',
      follows: 'Use the same version of headland on the robots and on the hub',
    },
    'other-backbone',
    (sums) => ({ ...sums, backboneChecksum: 'b2' }),
  ),
  refusedSums(
    {
      code: 'HL_FLEET_BASIS_OTHER',
      follows: 'the robot fetches the basis of the fleet and sends its sums again',
    },
    'other-basis',
    (sums) => ({ ...sums, basisChecksum: 'f'.repeat(64) }),
  ),
  refusedSums(
    {
      code: 'HL_FLEET_OBJECT_INVALID',
      follows: 'Use the same version of headland on the robots and on the hub',
    },
    'faulty',
    (sums) => {
      sums.classes[0]!.sums.sum[0] = Number.NaN;
      return sums;
    },
  ),
  {
    code: 'HL_FLEET_LABEL_LOCAL',
    follows: 'the robot leaves the label out and sends its sums again',
    run: async (yard, heard) => {
      let isFollowed = false;
      const robot = await yard.robot('local', ['maize', 'secret'], {
        distort: (sums) =>
          isFollowed
            ? { ...sums, classes: sums.classes.filter(({ label }) => label !== 'secret') }
            : sums,
      });
      await yard.accepted(robot);
      await yard.must('never', 'secret', ...TASK, ...yard.remote);
      yard.teach(robot, ['maize', 'secret']);
      heard(await yard.refusal(robot, 'HL_FLEET_LABEL_LOCAL'));
      await until('the robot is told', () => robot.task?.local_labels.includes('secret') === true);
      isFollowed = true;
      yard.teach(robot);
      await yard.accepted(robot);
    },
  },
  {
    code: 'HL_FLEET_OBJECT_TOO_LARGE',
    when: 'at the hub',
    follows: 'raise limits.maxObjectBytes',
    run: async (yard, heard) => {
      await yard.restart({ limits: { maxObjectBytes: 1_024 } });
      const robot = await yard.robot('large', ['maize', 'dock', 'thistle', 'grass']);
      heard(await yard.refusal(robot, 'HL_FLEET_OBJECT_TOO_LARGE'));
      await yard.restart({});
      yard.teach(robot);
      await yard.accepted(robot);
    },
  },
  {
    code: 'HL_FLEET_MERGE_DIFFERS',
    follows: 'Nothing for the sums: they are right again',
    run: async (yard, heard) => {
      await yard.store((store) => compare(store, true));
      let said: Said | undefined;
      await until('the alarm is raised', async () => {
        said = await alarmOf(yard, 'HL_FLEET_MERGE_DIFFERS');
        return said !== undefined;
      });
      heard(said!);
      assert.match(await yard.must('recompute', ...TASK, ...yard.remote), / equal the merged sums/);
      await yard.store((store) => compare(store, false));
      await until(
        'the alarm is cleared',
        async () => (await alarmOf(yard, 'HL_FLEET_MERGE_DIFFERS')) === undefined,
      );
    },
  },
];
