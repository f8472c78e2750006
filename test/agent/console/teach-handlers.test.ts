import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, WRITE } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { TestAgent } from '../support.js';

// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = any;

const LABELS = ['crop', 'weed', 'crop', 'weed', 'crop'];

describe('teaching over HTTP', { timeout: TEST_HANG_MS }, () => {
  test('asks, takes labels, and says how far it is', async (t) => {
    const training = { instant: true, everyNewLabels: 0, learners: ['ridge'], nice: 0 };
    const running = await TestAgent.start(t, LABELS, { training });
    const get = async (path: string): Promise<Body> => {
      const { status, json } = await ask(`${running.url}/api/${path}`);
      assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`);
      return json;
    };
    const label = (body: object): Promise<{ status: number; json: Body }> =>
      ask(`${running.url}/api/label`, 'POST', WRITE, JSON.stringify(body));
    const empty = await get('teach/questions');
    assert.deepEqual(empty, { questions: [], waiting: 0, nothingLabel: 'nothing' });
    assert.deepEqual(await get('teach/progress'), {
      step: 'first-head',
      share: 0,
      next: {
        key: 'teach.first-labels',
        values: { labels: 2 },
        text: 'Label 2 images of each of two classes.',
      },
      needs: [],
      labelled: 0,
      waiting: 0,
      newLabels: 0,
    });

    const frames = running.decisions.all.map(({ frameId }) => frameId);
    const asked = await ask(`${running.url}/api/snapshot`, 'POST', WRITE, '{}');
    const { sampleId } = asked.json as { sampleId: string };
    const { questions, waiting } = await get('teach/questions?limit=3');
    assert.equal(waiting, 1);
    const [question] = questions;
    assert.deepEqual(
      [question.id, question.reason, question.guess, question.offered, question.others],
      [sampleId, 'requested', null, false, []],
    );
    assert.equal(question.why.key, 'ask.requested');
    assert.equal((await get(`teach/questions?skipped=${sampleId}`)).questions.length, 1);

    for (const [i, name] of LABELS.slice(0, 4).entries()) {
      assert.equal((await label({ frameId: frames[i], label: name })).status, 200);
    }
    for (;;) {
      const { questions: now } = await get('teach/questions');
      if (now[0]?.guess) {
        assert.ok(['crop', 'weed'].includes(now[0].guess.label));
        assert.deepEqual([now[0].guess.label, ...now[0].others].sort(), ['crop', 'weed']);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const after = await get('teach/progress');
    assert.deepEqual([after.labelled, after.newLabels, after.step], [4, 4, 'trust']);

    assert.deepEqual(await get('teach/near?label=Crops'), { alike: null, near: ['crop'] });
    assert.deepEqual(await get('teach/near?label=CROP'), { alike: 'crop', near: [] });
    assert.deepEqual(await get('teach/near?label=thistle'), { alike: null, near: [] });
    const { status, json } = await ask(`${running.url}/api/teach/near?label=a%2Fb`);
    assert.deepEqual([status, (json as Body).error.code], [422, 'HL_LABEL_INVALID']);
    assert.equal((await ask(`${running.url}/api/teach/questions?limit=0`)).status, 400);

    await label({ sampleId, label: 'Background' });
    const last = await get('teach/questions');
    assert.deepEqual([last.waiting, last.nothingLabel], [0, 'Background']);
  });
});
