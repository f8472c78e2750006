import type { Mutant } from '../mutant.js';

const TEST = 'test/fleet/fleet-page.test.ts';

/** The page of the fleet hub. */
export const FLEET_PAGE_MUTANTS: readonly Mutant[] = [
  {
    promise: 'an order of the fleet page waits for the answer of the operator',
    file: 'src/fleet/hub/page/control/fleet-orders.ts',
    text: 'if (!agreed) return null;',
    replacement: '',
    tests: [{ file: TEST, names: 'before the operator agrees' }],
  },
  {
    promise: 'a viewer of the fleet page is offered no order',
    file: 'src/fleet/hub/page/views/task-choice.tsx',
    text: "state.me?.role === 'operate'",
    replacement: 'state.me !== null',
    tests: [{ file: TEST, names: 'shows a viewer' }],
  },
  {
    promise: 'the fleet page forgets the token when the person leaves',
    file: 'src/fleet/hub/page/control/fleet-session.ts',
    text: 'this.storage.removeItem(TOKEN_KEY);',
    replacement: '',
    tests: [{ file: TEST, names: 'forgets it when the person leaves' }],
  },
];
