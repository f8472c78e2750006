import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { WaitingSample } from '../../../contract/teach-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import type { RobotApi } from '../../robot/robot-api.js';
import { useSelected } from '../use-selected.js';
import { useThumbnail } from '../use-thumbnail.js';

/** Stored pictures that wait for a label. */
export function QuestionQueue({ page, status }: { page: PageParts; status: ConsoleStatus }) {
  const { store, viewfinder, api } = page;
  const waiting = useSelected(store, (state) => state.waiting);
  const open = useSelected(store, ({ view }) => (view.kind === 'live' ? null : view.sampleId));
  const total = Math.max(status.samples.waiting, waiting.length);
  return (
    <section class="card queue" aria-labelledby="queue-title">
      <header>
        <h2 id="queue-title">Questions</h2>
        <span class="count" id="queue-count">
          {total > 0 ? `${total} waiting` : ''}
        </span>
      </header>
      <p class="hint" id="queue-hint">
        {total > 0
          ? 'Labelling these pictures helps the robot most.'
          : 'No questions. Pictures that the robot is unsure about appear here.'}
      </p>
      <ul class="thumbs" id="thumbs">
        {waiting.map((sample) => (
          <li key={sample.id}>
            <Question
              api={api}
              sample={sample}
              open={sample.id === open}
              answer={() => void viewfinder.openSample(sample.id, sample.guess, 'question')}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Question({
  api,
  sample,
  open,
  answer,
}: {
  api: RobotApi;
  sample: WaitingSample;
  open: boolean;
  answer: () => void;
}) {
  const url = useThumbnail(api, sample);
  const caption = sample.guess === null ? 'no guess' : `${sample.guess.label}?`;
  return (
    <button
      type="button"
      data-id={sample.id}
      aria-label={`Answer: ${caption} Camera ${sample.camera}`}
      aria-current={open}
      onClick={answer}
    >
      <img alt="" src={url ?? undefined} hidden={url === null} />
      <span>{caption}</span>
    </button>
  );
}
