// Loaded before the program (`--import`): strikes when the program reaches a state, which is seen at
// what it does to the folder of the heads. Nothing in the product knows of it.
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { type Cell, strike } from './faults.js';

const text = process.env.HEADLAND_CHAOS_CELL;
if (text !== undefined) watch(JSON.parse(text) as Cell);

function watch(cell: Cell): void {
  const { rename, open } = fs;
  const heads = join(cell.stateDir, 'heads', 'main');
  let struck = false;
  let switches = 0;
  const at = (state: Cell['state'], artefact: string): void => {
    if (struck || cell.state !== state) return;
    struck = true;
    // A power cut ends the daemon and its training.
    if (cell.fault === 'kill' && process.env.HEADLAND_CHAOS_TRAINING !== undefined) {
      process.kill(process.ppid, 'SIGKILL');
    }
    strike(cell, artefact);
  };
  const beforeRename = (from: string, name: string): void => {
    if (/^\d+$/.test(name)) at('write', from);
    if (name !== 'current') return;
    switches += 1;
    if (switches === 1) at('switch', join(heads, String(cell.serving + 1)));
    else at('rollback', join(heads, String(cell.serving)));
  };
  const afterRename = (to: string, name: string): void => {
    if (/^\d+$/.test(name)) at('published', to);
    if (name.startsWith('.staged-')) at('evaluate', to);
    if (name === 'shadow.json') {
      at('shadow', cell.fault === 'corrupt' ? to : join(heads, String(cell.serving)));
    }
    if (name === 'current') {
      at('switched', cell.fault === 'corrupt' ? to : join(heads, String(cell.serving + 1)));
    }
  };
  fs.rename = async (from, to) => {
    const isOfHeads = String(to).startsWith(heads);
    if (isOfHeads) beforeRename(String(from), basename(String(to)));
    await rename(from, to);
    if (isOfHeads) afterRename(String(to), basename(String(to)));
  };
  fs.open = (path, ...rest) => {
    const folder = basename(dirname(String(path)));
    if (/^\.\d+\.[0-9a-f]+\.tmp$/.test(folder)) at('gate', join(heads, String(cell.serving)));
    return open(path, ...rest);
  };
  syncBuiltinESMExports();
}
