import type { ConsoleStatus, FrameDecision } from '../../contract/live-contract.js';
import type { View } from '../control/page-state.js';
import { type Belief, beliefOf, isBeginner } from './belief.js';
import { noHead, serves } from './head-words.js';
import type { Words } from './words.js';

export interface DecisionWords {
  kind: 'none' | 'question' | 'known' | 'unknown';
  label: string;
  /** Null: there is no decision. */
  belief: Belief | null;
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
  words: Words,
): DecisionWords {
  if (view.kind === 'correction') return plain('question', words.say('live.correctLabel'));
  if (status.state === 'paused') {
    return plain('none', words.say('live.paused'), words.say('live.pausedNote'));
  }
  if (decision !== null) return judged(decision, status.trust, words);
  if (serves(status)) return plain('none', words.say('live.notClassified'));
  return plain('none', ...noHead(status, words));
}

/** Less probable labels are no alternative. */
const WORTH_SAYING = 0.01;

function judged(decision: FrameDecision, trust: string | null, words: Words): DecisionWords {
  const { label, probability, guess, top } = decision;
  const belief = beliefOf(decision);
  const known = belief !== 'unknown';
  // A class that is new since the training makes a beginner of the head, but not of its other answers.
  const humble = isBeginner(trust) && (guess || !known);
  const list = top
    .filter((entry) => entry.probability >= WORTH_SAYING && (!known || entry.label !== label))
    .map((entry) => (humble ? entry.label : `${entry.label} ${words.percent(entry.probability)}`))
    .join(', ');
  if (!known) {
    const note = list === '' ? '' : words.say('live.nearest', { list });
    const text = words.say('live.unknown');
    return {
      kind: 'unknown',
      label: text,
      belief,
      probability: '',
      note,
      bar: humble ? 0 : (top[0]?.probability ?? 0),
    };
  }
  const notes = [
    humble ? words.say('live.beginnerNote') : '',
    list === '' ? '' : words.say('live.or', { list }),
  ];
  return {
    kind: 'known',
    label: guess ? `${label}?` : label,
    belief,
    // The percentage or the bar of a head that does not know how good it is would look like knowledge.
    probability: humble ? '' : words.percent(probability),
    note: notes.filter((text) => text !== '').join(' '),
    bar: humble ? 0 : probability,
  };
}

function plain(kind: 'none' | 'question', label: string, note = ''): DecisionWords {
  return { kind, label, belief: null, probability: '', note, bar: 0 };
}
