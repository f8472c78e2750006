import type { Picture } from '../../../../contract/pictures-contract.js';
import type { Words } from '../../../words/words.js';

/** The label of a sample, or where it stands without one. */
export function titleOf({ label, state }: Picture, words: Words): string {
  return label ?? words.say(`pictures.state.${state}`);
}

/** What a tile shows of a sample beside its title, for those who do not see it. */
export function describeRest(picture: Picture, words: Words): string {
  const { answer, verdicts, holdout, state, capturedAtMs } = picture;
  const parts: string[] = [];
  if (state === 'trash' && picture.label !== null) parts.push(words.say('pictures.state.trash'));
  if (holdout) parts.push(words.say('pictures.side.holdout'));
  parts.push(...verdicts.map((verdict) => words.say(`pictures.verdict.${verdict}`)));
  if (answer !== null) parts.push(words.say('pictures.answered', { label: answer.label }));
  parts.push(words.date(capturedAtMs));
  return parts.join(', ');
}
