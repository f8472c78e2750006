import { ClipFolder } from '../../../src/alerts/clips/clip-folder.js';

// Forked by clip-folder.test.ts: saves clips of 16 MB without an end, and says so after each.
const folder = new ClipFolder(
  process.argv[2]!,
  { maxBytes: 100_000_000, minFreeBytes: 0 },
  () => null,
);
folder.open();
for (;;) {
  await folder.save(folder.nextName('w', new Date())!, [new Uint8Array(16_000_000)]);
  process.send?.('saved');
}
