// Publishes, promotes and rolls back as fast as it can until it is killed.
import { HeadRegistry } from '../../src/registry/registry.js';
import { someCard, someHead } from '../training/fixture.js';

const [dir, seed] = process.argv.slice(2);
const registry = new HeadRegistry(dir as string, { keep: 3 });
await registry.recover();
for (let i = 0; ; i++) {
  const head = someHead(Number(seed) * 1_000 + i);
  const version = await registry.publish(head, someCard(head), [`group ${i}`]);
  if (i % 3 !== 2) await registry.promote(version);
  if (i % 4 === 3) await registry.rollback();
  if (i === 0) process.send?.('a head serves');
}
