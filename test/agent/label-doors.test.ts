import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { headland, Person, Rig } from './daemon.js';

test('a label that looks like a class is asked about over MQTT and on the page', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  headland('import', rig.photosDir, '--config', rig.configFile);
  const daemon = await rig.start();
  const person = await Person.connect(t, daemon.mqttUrl);
  await person.until(({ topic }) => topic === 'headland/r1/prediction');
  const { data } = await person.command('snapshot', {});
  const byMqtt = (label: string) => person.command('label', { sample: data.sample_id, label });
  const byPage = async (label: string) => {
    const response = await fetch(`${daemon.consoleUrl}api/label`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-headland': '1' },
      body: JSON.stringify({ sampleId: data.sample_id, label }),
    });
    return { status: response.status, answer: await response.text() };
  };
  for (const label of ['CROP', 'Ｃｒｏｐ', '\u0441rop']) {
    const { ok, error } = await byMqtt(label);
    assert.deepEqual([ok, error?.code], [false, 'HL_LABEL_ALIKE'], label);
    assert.match(error?.remedy ?? '', /Did you mean "crop"\?/);
    const { status, answer } = await byPage(label);
    assert.deepEqual([status, JSON.parse(answer).error.code], [422, 'HL_LABEL_ALIKE']);
  }
  for (const label of ['cr\u200bop', '\u202eporc', 'unknown', 'x'.repeat(65)]) {
    assert.equal((await byMqtt(label)).error?.code, 'HL_LABEL_INVALID', label);
  }
  // An emoji is one character, as people count: 40 of them are 80 units of UTF-16.
  const carrots = '🥕'.repeat(40);
  assert.equal((await byMqtt(carrots)).ok, true);
  assert.equal((await byPage('crop')).status, 200);
  assert.equal((await byPage(carrots)).status, 200);
  assert.equal((await daemon.stop()).code, 0);
});
