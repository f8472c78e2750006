// A robot of its own in a process that the tests kill: `node publisher-child.js <url> <db> <boot>`.
// Prints the index of every event that `event()` called durable.
import { writeSync } from 'node:fs';
import { event, robot } from './tools.js';

const [url, path, boot] = process.argv.slice(2);
const { client } = robot(null, url!, {
  path: path!,
  boot: boot!,
  settings: { willDelaySeconds: 0 },
});
client.start();
for (let index = 0; ; index++) {
  if (client.event(event(index))) writeSync(1, `${index}\n`);
  await new Promise((resolve) => setTimeout(resolve, 2));
}
