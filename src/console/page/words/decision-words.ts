import type { ConsoleStatus, FrameDecision } from '../../contract/live-contract.js';
import type { View } from '../control/page-state.js';
import { percent } from './figures.js';
import { noHead, serves } from './head-words.js';

export interface DecisionWords {
  kind: 'none' | 'question' | 'known' | 'unknown';
  label: string;
  /** Empty: no probability is shown. */
  probability: string;
  note: string;
  /** 0..1 */
  bar: number;
}

/** Text below the picture. `decision` is that of the live frame on the screen, if any. */
export function decisionWords(
  status: ConsoleStatus,
  view: View,
  decision: FrameDecision | null,
): DecisionWords {
  if (view.kind === 'question') {
    const note = view.guess
      ? `Best guess of the head: ${view.guess.label}, ${percent(view.guess.probability)}.`
      : 'No guess for this picture.';
    return plain('question', 'Needs a label', note);
  }
  if (view.kind === 'correction') return plain('question', 'Correct the label');
  if (status.state === 'paused') {
    return plain('none', 'Paused', 'No frames are classified until classification is resumed.');
  }
  if (decision !== null) return judged(decision);
  return serves(status) ? plain('none', 'Not classified yet') : plain('none', ...noHead(status));
}

function judged({ label, probability, guess, top }: FrameDecision): DecisionWords {
  const known = label !== 'unknown';
  const others = top.filter((entry) => !known || entry.label !== label);
  const list = others.map((entry) => `${entry.label} ${percent(entry.probability)}`).join(', ');
  if (!known) {
    const note = list === '' ? '' : `Nearest: ${list}`;
    return { kind: 'unknown', label, probability: '', note, bar: top[0]?.probability ?? 0 };
  }
  const notes = [
    guess ? 'A guess: the head is not sure enough.' : '',
    list === '' ? '' : `Or ${list}`,
  ];
  return {
    kind: 'known',
    label: guess ? `${label}?` : label,
    probability: percent(probability),
    note: notes.filter((words) => words !== '').join(' '),
    bar: probability,
  };
}

function plain(kind: 'none' | 'question', label: string, note = ''): DecisionWords {
  return { kind, label, probability: '', note, bar: 0 };
}
