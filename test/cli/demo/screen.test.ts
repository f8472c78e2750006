import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Screen, type TaskFacts, type Terminal } from '../../../src/cli/demo/screen.js';
import type { Decision } from '../../../src/perception/decision.js';

const ESCAPE = '\x1b';
const TOKENS = new RegExp(`${ESCAPE}\\[(\\d+)A|${ESCAPE}\\[[KJ]|[^${ESCAPE}]`, 'gu');

/** A terminal of a given width that understands the sequences of the status; lines are kept. */
class Paper implements Terminal {
  readonly isTTY: boolean;
  readonly lines = [''];
  #row = 0;
  #column = 0;

  constructor(readonly columns: number) {
    this.isTTY = true;
  }

  write(text: Uint8Array | string): boolean {
    for (const [token, up] of String(text).matchAll(TOKENS)) {
      if (up !== undefined) this.#row -= Number(up);
      else if (token === '\x1b[K') this.#cut(this.#row);
      else if (token === '\x1b[J') {
        this.#cut(this.#row);
        this.lines.splice(this.#row + 1);
      } else if (token === '\r') this.#column = 0;
      else if (token === '\n') {
        this.#row += 1;
        this.#column = 0;
        this.lines[this.#row] ??= '';
      } else this.#put(token);
    }
    return true;
  }

  #cut(row: number): void {
    this.lines[row] = [...this.lines[row]!].slice(0, this.#column).join('');
  }

  #put(character: string): void {
    assert.ok(this.#column < this.columns - 1, `line wraps: ${this.lines[this.#row]}`);
    const characters = [...this.lines[this.#row]!];
    characters[this.#column] = character;
    this.lines[this.#row] = characters.join('');
    this.#column += 1;
  }
}

function decision(label: string, probability: number): Decision {
  const top = [{ label, probability }];
  return { label, probability, guess: false, top, headVersion: 1, noveltyPValue: null };
}

function facts(name: string): TaskFacts {
  return {
    name,
    accuracy: 0.86,
    labelsGiven: 1_060,
    labelsToTraining: 24,
    headVersion: 12,
    learntLabels: 24,
  };
}

describe('the screen of a demonstration', () => {
  it('shows the decisions of all tasks on one picture within 80 columns, in place', () => {
    const paper = new Paper(80);
    const screen = new Screen(paper, true, () => [
      facts('weeds'),
      { ...facts('way'), labelsToTraining: 0 },
    ]);
    screen.line('begin');
    screen.decision(12_345, 'way', decision('unknown', 0), 'blocked');
    assert.deepEqual(paper.lines, ['begin', ''], 'drawn before all tasks have decided');
    screen.decision(12_345, 'weeds', decision('thistle', 1), 'thistle');
    assert.deepEqual(paper.lines, [
      'begin',
      'frame 12345 │ 2120 labels │ next training: weeds in 24 labels, way now',
      'weeds ✔ thistle              100 % │ right  86 % ▇               │ head 12 + 24',
      'way   ✘ unknown (is blocked)   0 % │ right  86 % ▇               │ head 12 + 24',
    ]);
    const step = { phase: 'embed', done: 3, total: 60, etaSeconds: 2.2 } as const;
    screen.training('way', { ...step, paused: null });
    screen.decision(12_346, 'weeds', decision('weed', 0.5), 'weed');
    screen.serving('way', 13);
    screen.close();
    assert.deepEqual(paper.lines, [
      'begin',
      '  training way: embed 3/60, 3 s left',
      '  way head 13 decides from the next frame on',
      '',
    ]);
  });

  it('shows no probability of a guess', () => {
    const paper = new Paper(80);
    const first = { ...facts('main'), headVersion: null };
    const screen = new Screen(paper, false, () => [first]);
    screen.decision(5, 'main', { ...decision('weed', 0.99), guess: true }, 'weed');
    assert.equal(
      paper.lines[1],
      '✔ weed                 guess │ right  86 % ▇                    │ first labels',
    );
  });

  it('names no task that the user has not named', () => {
    const paper = new Paper(80);
    const screen = new Screen(paper, false, () => [facts('main')]);
    screen.decision(5, 'main', decision('a label that is far too long', 0.5), undefined);
    assert.deepEqual(paper.lines, [
      'frame     5 │ 1060 labels │ next training: in 24 labels',
      '  a label that is far…  50 % │ right  86 % ▇                    │ head 12 + 24',
    ]);
  });
});
