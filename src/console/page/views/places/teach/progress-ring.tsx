import { useWords } from '../../../../../page/views/use-words.js';
import type { ConsoleStatus } from '../../../../contract/live-contract.js';
import type { TeachProgress } from '../../../../contract/teach-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { noHead, serves } from '../../../words/head-words.js';

const RADIUS = 20;
const LENGTH = 2 * Math.PI * RADIUS;

/** How far the task is on the way to the next step, and what is missing. */
export function ProgressRing({
  page,
  status,
  progress,
}: {
  page: PageParts;
  status: ConsoleStatus;
  /** Null: not known yet. */
  progress: TeachProgress | null;
}) {
  const words = useWords(page);
  const share = progress?.share ?? shareOf(status);
  const percent = words.percent(share);
  const next = progress === null ? nextOf(status, words) : words.message(progress.next);
  const facts = words.say('teach.labelled', { count: status.samples.labelled });
  return (
    <div class="ring" id="teach-progress">
      <svg
        viewBox="0 0 48 48"
        role="img"
        aria-label={words.say('teach.progress', { percent })}
        data-full={String(share >= 1)}
      >
        <circle cx="24" cy="24" r={RADIUS} />
        <circle
          class="done"
          cx="24"
          cy="24"
          r={RADIUS}
          stroke-dasharray={`${share * LENGTH} ${LENGTH}`}
        />
        <text x="24" y="24">
          {percent}
        </text>
      </svg>
      <p>
        <strong id="teach-next">{next}</strong>
        <small>{facts}</small>
      </p>
    </div>
  );
}

/** Before the robot has told: the way to the next training. */
function shareOf({ training, samples }: ConsoleStatus): number {
  if (training === null) return 0;
  const { newLabels, everyNewLabels, minLabels } = training;
  const all = everyNewLabels > 0 ? everyNewLabels : minLabels;
  const done = everyNewLabels > 0 ? newLabels : samples.labelled;
  return all > 0 ? Math.min(1, done / all) : 1;
}

function nextOf(status: ConsoleStatus, words: PageParts['words']): string {
  if (!serves(status)) return noHead(status, words)[0];
  const { training } = status;
  if (training === null || training.everyNewLabels === 0) return words.say('teach.everyHelps');
  const labels = Math.max(0, training.everyNewLabels - training.newLabels);
  return words.say('teach.until-training', { labels });
}
