import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Asked, Talk, TalkScenario } from './talk-scenario.js';

const JSON_BODY = { 'Content-Type': 'application/json' };
const WRITE = { ...JSON_BODY, 'X-Headland': '1' };
const pause = { what: 'inference' };
const post = (headers: Record<string, string>, body: unknown): Asked => ({
  method: 'POST',
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
/** A change that changes nothing that other scenarios need. */
const resume = (headers: Record<string, string>): Asked => post(headers, pause);

export const commandTalks: TalkScenario[] = [
  {
    code: 'HL_COMMAND_UNKNOWN',
    follows:
      'Use one of: retrain, label, look_alikes, rollback, promote, pin, unpin, snapshot, speed, acknowledge_alerts, status, pause, resume, hold, release',
    provoke: (talk) => talk.refused('statsu', '{}'),
    follow: (talk, { remedy }) => {
      const [, meant] = /Did you mean "(\w+)"/.exec(remedy ?? '')!;
      return talk.must(meant!);
    },
  },
  {
    code: 'HL_COMMAND_INVALID',
    when: 'a field',
    follows: 'fields',
    provoke: (talk) => talk.refused('pause', '{"which":"training"}'),
    follow: async (talk, { message, remedy }) => {
      const [, missing] =
        /(\w+): must be "inference" or "training"|(\w+): is missing/.exec(message) ?? [];
      assert.match(remedy ?? '', /what/, `${message} ${missing}`);
      await talk.must('pause', { what: 'training' });
      await talk.must('resume', { what: 'training' });
    },
  },
  {
    code: 'HL_COMMAND_INVALID',
    when: 'no object',
    follows: 'one JSON object',
    provoke: (talk) => talk.refused('status', '[]'),
    follow: (talk) => talk.must('status'),
  },
  {
    code: 'HL_COMMAND_INVALID',
    when: 'a transaction twice',
    follows: 'a new transaction for every new command',
    provoke: async (talk) => {
      await talk.answer('status', '{"transaction":"same"}');
      return talk.refused('snapshot', '{"transaction":"same"}');
    },
    follow: (talk) => talk.answer('snapshot', '{"transaction":"another"}'),
  },
  {
    code: 'HL_COMMAND_INVALID_JSON',
    follows: '{} where no field is needed',
    provoke: (talk) => talk.refused('status', ''),
    follow: async (talk) => {
      const { body } = await talk.answer('status', '{}');
      assert.equal(body.ok, true);
    },
  },
  {
    code: 'HL_COMMAND_TOO_LARGE',
    follows: 'Send a smaller command',
    provoke: (talk) => talk.refused('status', JSON.stringify({ transaction: 'x'.repeat(20_000) })),
    follow: (talk) => talk.must('status'),
  },
  {
    code: 'HL_FRAME_GONE',
    follows: 'send `snapshot` first and label its sample_id',
    provoke: (talk) => talk.refused('label', '{"frame":"gone","label":"weed"}'),
    follow: async (talk) => {
      const { sample_id: sample } = await talk.must('snapshot');
      await talk.must('label', { sample, label: 'weed' });
    },
  },
  {
    code: 'HL_FRAME_NONE',
    follows: 'Run `headland status`: it lists the cameras',
    provoke: (talk) => talk.refused('snapshot', '{"camera":"back"}'),
    follow: async (talk) => {
      const { cameras } = await talk.must('status');
      await talk.must('snapshot', { camera: cameras[0].name });
    },
  },
  {
    code: 'HL_SAMPLE_UNKNOWN',
    follows: 'from the answer (sample_id) that named it',
    provoke: (talk) => talk.refused('label', '{"sample":"none","label":"weed"}'),
    follow: async (talk) => {
      const { sample_id: sample } = await talk.must('snapshot');
      await talk.must('label', { sample, label: 'weed' });
    },
  },
  {
    code: 'HL_ALERT_RULE_UNKNOWN',
    follows: 'or no name for all rules',
    provoke: (talk) => talk.refused('acknowledge_alerts', '{"rule":"horn"}'),
    follow: (talk) => talk.must('acknowledge_alerts'),
  },
  {
    code: 'HL_TRAINING_PAUSED',
    follows: 'send the command `resume` with {"what":"training"}',
    provoke: async (talk) => {
      await talk.must('pause', { what: 'training' });
      return talk.refused('retrain', '{}');
    },
    follow: async (talk, { remedy }) => {
      const [, fields] = /`resume` with (\{.*\})/.exec(remedy ?? '')!;
      await talk.must('resume', JSON.parse(fields!));
      await trainedToItsEnd(talk);
    },
  },
  {
    code: 'HL_TRAINING_RUNNING',
    follows: 'Wait for its report, then try again',
    provoke: async (talk) => {
      await talk.person.labelFrames(talk.rig, 14);
      const { training_id: id } = await talk.must('retrain');
      const said = await talk.refused('retrain', '{}');
      await reportOf(talk, id);
      return said;
    },
    follow: trainedToItsEnd,
  },
];

export const consoleTalks: TalkScenario[] = [
  {
    code: 'HL_CONSOLE_NOT_FOUND',
    when: 'an address',
    follows: 'Use a route listed in docs/reference/console.md',
    provoke: (talk) => talk.askRefused('/api/state'),
    follow: (talk) => talk.askMust('/api/status'),
  },
  {
    code: 'HL_CONSOLE_NOT_FOUND',
    when: 'a camera',
    follows: 'camera names from GET /api/status',
    provoke: (talk) => talk.askRefused('/api/latest?camera=back'),
    follow: async (talk) => {
      const { cameras } = JSON.parse((await talk.ask('/api/status')).body);
      await talk.askMust(`/api/latest?camera=${cameras[0].name}`);
    },
  },
  {
    code: 'HL_CONSOLE_METHOD_REFUSED',
    follows: 'Use',
    provoke: (talk) => talk.askRefused('/api/status', { method: 'DELETE' }),
    follow: (talk, { remedy }) => {
      const [, method] = /Use ([A-Z]+)/.exec(remedy ?? '')!;
      return talk.askMust('/api/status', { method: method! });
    },
  },
  {
    code: 'HL_CONSOLE_HEADER_MISSING',
    follows: 'Send the header X-Headland: 1',
    provoke: (talk) => talk.askRefused('/api/resume', resume(JSON_BODY)),
    follow: (talk) => talk.askMust('/api/resume', resume(WRITE)),
  },
  {
    code: 'HL_CONSOLE_CONTENT_TYPE',
    follows: 'Send the header Content-Type: application/json',
    provoke: (talk) => talk.askRefused('/api/resume', resume({ 'X-Headland': '1' })),
    follow: (talk) => talk.askMust('/api/resume', resume(WRITE)),
  },
  {
    code: 'HL_CONSOLE_BODY_INVALID',
    when: 'no JSON',
    follows: 'Send one JSON object',
    provoke: (talk) => talk.askRefused('/api/resume', post(WRITE, '{what')),
    follow: (talk) => talk.askMust('/api/resume', resume(WRITE)),
  },
  {
    code: 'HL_CONSOLE_BODY_INVALID',
    when: 'a field',
    follows: 'exactly the fields listed for this route in docs/reference/console.md',
    provoke: (talk) => talk.askRefused('/api/resume', post(WRITE, { which: 'inference' })),
    follow: (talk) => talk.askMust('/api/resume', resume(WRITE)),
  },
  {
    code: 'HL_CONSOLE_BODY_TOO_LARGE',
    follows: 'Send at most',
    provoke: (talk) => talk.askRefused('/api/resume', post(WRITE, { what: 'x'.repeat(100_000) })),
    follow: (talk, { remedy }) => {
      const [, most] = /at most (\d+) bytes/.exec(remedy ?? '')!;
      assert.ok(JSON.stringify(pause).length < Number(most));
      return talk.askMust('/api/resume', resume(WRITE));
    },
  },
  {
    code: 'HL_CONSOLE_QUERY_INVALID',
    follows: 'Send exactly the query parameters listed for this route',
    provoke: (talk) => talk.askRefused('/api/waiting?limit=1000'),
    follow: (talk) => talk.askMust('/api/waiting?limit=100'),
  },
  {
    code: 'HL_CONSOLE_HOST_REFUSED',
    follows: 'on the robot itself, under localhost',
    provoke: (talk) => talk.askRefused('/api/status', { headers: { Host: 'robot.example' } }),
    follow: (talk) => talk.askMust('/api/status', { headers: { Host: 'localhost' } }),
  },
  {
    code: 'HL_CONSOLE_ORIGIN_REFUSED',
    follows: 'a program that sends no Origin header',
    provoke: (talk) =>
      talk.askRefused('/api/status', { headers: { Origin: 'http://other.example' } }),
    follow: (talk) => talk.askMust('/api/status'),
  },
  {
    code: 'HL_CONSOLE_BUSY',
    follows: 'Close the page on another device, then try again',
    provoke: async (talk) => {
      pages.push(...(await Promise.all(Array.from({ length: 8 }, () => openPage(talk)))));
      return talk.askRefused('/api/stream');
    },
    follow: async (talk) => {
      const page = pages.pop()!;
      page.destroy();
      await once(page, 'close');
      for (;;) {
        const again = await openPage(talk);
        pages.push(again);
        // The daemon learns of the closed page in its own time.
        if (again.statusCode === 200) break;
      }
      for (const open of pages.splice(0)) open.destroy();
    },
  },
];

/** Pages that are open between the two halves of one scenario. */
const pages: IncomingMessage[] = [];

async function openPage(talk: Talk): Promise<IncomingMessage> {
  const asked = get(new URL('/api/stream', talk.daemon.consoleUrl));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response.resume();
}

async function trainedToItsEnd(talk: Talk): Promise<void> {
  const { training_id: id } = await talk.must('retrain');
  await reportOf(talk, id);
}

function reportOf(talk: Talk, id: string) {
  return talk.person.until(
    ({ topic, body }) => topic.endsWith('/training/report') && body.training_id === id,
  );
}
