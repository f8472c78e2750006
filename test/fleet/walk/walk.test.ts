import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HubOverview } from '../../../src/fleet/contract/hub-api.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Yard } from './yard.js';

test('what people taught one robot, the others call by its name', {
  skip: withoutMosquitto,
  timeout: 400_000,
}, async (t) => {
  const yard = await Yard.start(t);
  const a = await yard.robot('anna');
  const b = await yard.robot('bert');
  const c = await yard.robot('cora');
  // Each has a head of its own first.
  await b.teach(['crop', 'stone'], 20);
  await b.post('/api/retrain', {});
  await yard.until('bert serves a head of its own', () => {
    const serving = yard.tap.reported('bert')?.tasks[0]?.serving;
    return serving?.local_version === 1;
  });
  await a.teach(['crop', 'weed'], 20);
  await yard.until('all serve a head with weed', () =>
    ['anna', 'bert', 'cora'].every((name) => {
      const task = yard.tap.reported(name)?.tasks[0];
      return (task?.serving?.fleet_version ?? 0) > 0;
    }),
  );
  const { tasks } = await yard.get<HubOverview>('/api/overview');
  console.log(JSON.stringify(tasks));
  console.log(yard.command('overview'), yard.command('robots'));
  console.log(b.command('fleet', 'status'), b.command('status'), b.command('models', 'heads'));
  console.log(await b.answers('weed', 10), await c.answers('weed', 10));
  console.log(yard.tap.counts());
  assert.ok(true);
});
