import { alarmRaisedMessage } from '../../src/agent/reporting/agent-messages.js';
import { Alerting } from '../../src/agent/reporting/alerts/alerting.js';
import { Alarms } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import type { Decision } from '../../src/perception/decision.js';
import type { EventBody } from '../../src/telemetry/contract/messages.js';

// Run by epoll-rebuild.test.ts: opens an output through onoff, raises an alert, and prints the events.
const config = configSchema.parse({
  gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] },
  alerts: { rules: [{ name: 'thistles', labels: ['thistle'], matches: 1, output: 'horn' }] },
});
const thistle: Decision = {
  label: 'thistle',
  probability: 0.9,
  guess: false,
  top: [],
  headVersion: 1,
  noveltyPValue: null,
};
const events: EventBody[] = [];
const telemetry = { event: (event: EventBody) => void events.push(event) };
const alarms = new Alarms({
  onRaised: (alarm) => void events.push(alarmRaisedMessage(alarm)),
  onCleared: () => {},
});
const alerting = new Alerting(config, telemetry, alarms, silentLog());
await alerting.open();
alerting.tick();
alerting.observe(
  { camera: 'main', region: null },
  { task: 'main', decision: thistle, scene: null },
);
await alerting.close();
process.stdout.write(JSON.stringify(events));
