import type { Mutant } from '../mutant.js';

const reload = (names: string) => [{ file: 'test/agent/lifetime/reload.test.ts', names }];
const accelerator = (names: string) => [{ file: 'test/agent/accelerator.test.ts', names }];

export const LIFETIME_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a reload that changes the state folder is refused',
    file: 'src/agent/lifetime/daemon.ts',
    text: 'if (changed.length === 0) return;',
    replacement: 'return;',
    tests: reload('changes nothing'),
  },
  {
    promise: 'settings that cannot run are undone',
    file: 'src/agent/lifetime/daemon.ts',
    text: 'await this.#replace(before);',
    replacement: '',
    tests: reload('goes back'),
  },
  {
    promise: 'systemd is never told of a stop during a reload',
    file: 'src/agent/agent.ts',
    text: 'if (goesOn) this.#watchdog.pause();\n    else this.#watchdog.stopping();',
    replacement: 'void goesOn;\n    this.#watchdog.stopping();',
    tests: reload('tells systemd'),
  },
  {
    promise: 'an ONNX Runtime of another version is not loaded',
    file: 'src/backbone/engines/onnx-runtime.ts',
    text: 'if (found !== version) throw',
    replacement: 'if (found === null) throw',
    tests: accelerator('of another version'),
  },
  {
    promise: 'an accelerator that cannot be opened is replaced by the CPU',
    file: 'src/backbone/open-accelerated.ts',
    text: 'return { backbone: await openEngine(options), fallback: unavailable(provider, error) };',
    replacement: 'throw error;',
    tests: accelerator('is not there'),
  },
  {
    promise: 'a training without a low priority rests for other programs',
    file: 'src/training/job/courtesy.ts',
    text: 'waitedMs > CONTENDED_SHARE * (usedMs + waitedMs)',
    replacement: 'false',
    tests: [{ file: 'test/training/courtesy.test.ts' }],
  },
  {
    promise: 'a niceness that changes nothing is not relied on',
    file: 'src/training/job/low-priority.ts',
    text: '=== wanted ? command : []',
    replacement: '!== null ? command : []',
    tests: [{ file: 'test/training/trainer.test.ts', names: 'changes nothing' }],
  },
  {
    promise: 'pages that were written to are never given back',
    file: 'src/host/start-pages.ts',
    text: 'changed.every((value) => value === 0)',
    replacement: 'changed.length > 0',
    tests: [{ file: 'test/host/start-pages.test.ts', names: 'unchanged files' }],
  },
  {
    promise: 'no thread starts while there is nothing to learn',
    file: 'src/agent/learning/instant-service.ts',
    text: 'if (this.#knowsAll()) return;',
    replacement: '',
    tests: [
      { file: 'test/agent/learning/instant-service.test.ts', names: 'when the thread crashes' },
    ],
  },
];
