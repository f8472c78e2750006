// Forked by the crash tests: admits samples as fast as it can and names each one that was
// acknowledged, until it is killed. argv: database path, first number.
import { writeSync } from 'node:fs';
import { crashPicture } from './crash-picture.js';
import { newSample, openStore } from './support.js';

const [path, first] = process.argv.slice(2) as [string, string];
const { store } = openStore(path);
for (let number = Number(first); ; number++) {
  const { sample } = store.admit(
    newSample('', { jpeg: crashPicture(number), group: `g${number}`, label: 'weed' }),
  );
  store.label(sample.id, `weed ${number}`, 'mqtt');
  // One write to a pipe is whole or not at all, and leaves the process before the next admission.
  writeSync(1, `${number} ${sample.id}\n`);
}
