import { useWords } from '../../../../../page/views/use-words.js';
import type { VerdictPair } from '../../../../contract/brain-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { SampleImage } from '../../parts/sample-image.js';

/** Images to which two versions answer differently, each with both answers. */
export function AnswerPairs({
  page,
  title,
  pairs,
  names,
  id,
}: {
  page: PageParts;
  title: string;
  pairs: readonly VerdictPair[];
  /** What the two versions are called. */
  names: readonly [before: string, after: string];
  id: string;
}) {
  const words = useWords(page);
  if (pairs.length === 0) return null;
  const line = (name: string, answer: VerdictPair['before'], truth: string) => {
    const right = answer.label === truth;
    return (
      <span class={right ? 'answer right' : 'answer wrong'}>
        <i aria-hidden="true">{right ? '✓' : '✗'}</i>
        <b>{answer.label}</b>
        <span class="away">{words.say(right ? 'brain.right' : 'brain.wrong')}</span>
        <small>{name}</small>
      </span>
    );
  };
  return (
    <div class="answer-pairs" id={id}>
      <h3>{title}</h3>
      <ul>
        {pairs.map(({ sampleId, label, before, after }) => (
          <li key={sampleId}>
            <a href={page.address.link('pictures', { open: sampleId })}>
              <span class="pair-image">
                <SampleImage page={page} id={sampleId} size="thumbnail" />
              </span>
              <span class="pair-words">
                <strong>{label}</strong>
                {line(names[0], before, label)}
                {line(names[1], after, label)}
                <span class="away">{words.say('brain.openImage')}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
