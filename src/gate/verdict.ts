import { listed, type Message, type MessageValue, named } from '../base/words/message.js';
import type { TrustLevel } from '../head/trust.js';
import { rightOf } from './gate-check.js';
import type { GateDecision } from './gate-decision.js';
import { isProven } from './gate-gain.js';
import type { GateInput } from './gate-input.js';

/** What a verdict rests on, beside the decision. */
export type VerdictInput = Pick<
  GateInput,
  'samples' | 'champion' | 'compared' | 'newlyLearnt' | 'challengerLabels' | 'source'
>;

/** Figures that most sentences name. */
interface Figures extends Record<string, MessageValue> {
  /** Pictures that were compared or answered. */
  samples: number;
  /** `held-out`: the head never saw their passes; `left-out`: answered by heads that did not. */
  kind: 'held-out' | 'left-out';
  /** Right answers of the new head. */
  right: number;
}

interface Compared extends Figures {
  /** Version of the head that served. */
  version: number;
  /** Wrong before and right now, and the other way. */
  gained: number;
  lost: number;
  newLabels: number;
  /** Classes that only the new head knows, separated by commas. */
  newClasses: string;
}

/**
 * The decision of the gate in one sentence for people; `GateDecision.reason` gives the figures.
 * @param trust in the new head; null: not known
 */
export function verdictOf(
  input: VerdictInput,
  decision: GateDecision,
  trust: TrustLevel | null,
): Message {
  const { samples, champion, compared, source } = input;
  const failed = decision.checks.filter(({ passed }) => !passed);
  const figures: Figures = {
    samples: samples.length,
    kind: source === 'holdout' ? 'held-out' : 'left-out',
    right: rightOf(samples, 'challenger'),
  };
  if (!champion || compared === 'nothing') {
    return withoutComparison(figures, champion?.version ?? null, failed, trust);
  }
  const known = new Set(champion.labels);
  const isRight = (sample: (typeof samples)[number], head: 'challenger' | 'champion'): boolean =>
    sample[head]?.label === sample.label;
  const added = input.challengerLabels.filter((label) => !known.has(label));
  const about: Compared = {
    ...figures,
    version: champion.version,
    gained: samples.filter((s) => isRight(s, 'challenger') && !isRight(s, 'champion')).length,
    lost: samples.filter((s) => !isRight(s, 'challenger') && isRight(s, 'champion')).length,
    newLabels: input.newlyLearnt,
    newClasses: named(added),
  };
  if (failed.length > 0) return refused(about, failed);
  const exchanged = exchange(about);
  const newClasses = added.length > 0;
  const classes = newClasses ? ` It also knows ${listed(added)}.` : '';
  if (decision.checks.some(({ name, values }) => name === 'expected-gain' && isProven(values))) {
    return message(
      newClasses ? 'better-and-more' : 'better',
      about,
      `Better: ${exchanged}${classes}`,
    );
  }
  return message(
    newClasses ? 'trial-and-more' : 'trial',
    about,
    `Probably better, so it serves on trial: ${exchanged}${classes}`,
  );
}

function withoutComparison(
  figures: Figures,
  version: number | null,
  failed: GateDecision['checks'],
  trust: TrustLevel | null,
): Message {
  const { samples, right } = figures;
  const score = `right on ${right} of ${counted(samples)}`;
  const broken = brokenHead(failed, figures);
  if (broken) return broken;
  if (failed.length > 0) {
    const text = `Refused: ${score}, no better than always giving the same answer.`;
    return message('refused-useless', figures, text);
  }
  if (samples === 0) {
    const text = 'First head: no picture could be tested yet.';
    return message('first-untested', figures, text);
  }
  if (version !== null) {
    const text = `New start, not compared with head ${version}: ${score}.`;
    return message('restart', { ...figures, version }, text);
  }
  return trust === 'beginner'
    ? message('first-beginner', figures, `First head, still a beginner: ${score}.`)
    : message('first', figures, `First head: ${score}.`);
}

function refused(about: Compared, failed: GateDecision['checks']): Message {
  const broken = brokenHead(failed, about);
  if (broken) return broken;
  const check = (name: string) => failed.find((each) => each.name === name);
  const names = (value: number | string[] | undefined): string[] =>
    Array.isArray(value) ? value : [];
  const missing = check('knows-every-class');
  if (missing) {
    const classes = names(missing.values.missing);
    const text = `Refused: it does not know ${listed(classes)} any more.`;
    return message('refused-class-unlearnt', { ...about, classes: named(classes) }, text);
  }
  const lost = check('no-class-lost');
  if (lost) {
    const classes = names(lost.values.lost);
    const text = `Refused: it never recognises ${listed(classes)}, which head ${about.version} does.`;
    return message('refused-class-lost', { ...about, classes: named(classes) }, text);
  }
  if (check('unknowns')) {
    const text = `Refused: it detects unknown things worse than head ${about.version}.`;
    return message('refused-unknowns', about, text);
  }
  if (about.newLabels === 0) {
    const text = `Refused: no label is new, and it is not clearly better: ${exchange(about)}`;
    return message('refused-nothing-new', about, text);
  }
  return message('refused-no-gain', about, `Refused: not clearly better: ${exchange(about)}`);
}

function brokenHead(failed: GateDecision['checks'], figures: Figures): Message | null {
  if (!failed.some(({ name }) => name === 'reproduces')) return null;
  const text = 'Refused: the head on the disk gives other answers than the head that was trained.';
  return message('refused-damaged', figures, text);
}

function exchange({ gained, lost, samples, kind }: Compared): string {
  const what = kind === 'held-out' ? 'held-out pictures' : 'pictures';
  if (gained === 0 && lost === 0) return `the answers to all ${samples} ${what} are as before.`;
  return (
    `of ${samples} ${what}, ${gained} that the old head got wrong ` +
    `${gained === 1 ? 'is' : 'are'} right now, and ${lost} the other way.`
  );
}

function counted(samples: number): string {
  return samples === 1 ? '1 picture' : `${samples} pictures`;
}

function message(key: string, values: Record<string, MessageValue>, text: string): Message {
  return { key: `verdict.${key}`, values, text };
}
