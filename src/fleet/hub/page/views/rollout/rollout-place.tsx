import { useWords } from '../../../../../page/views/use-words.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { TaskChoice, taskId, useTask } from '../task-choice.js';
import { useRead } from '../use-read.js';
import { HeadsCard } from './heads-card.js';
import { LeftOutCard } from './left-out-card.js';
import { RolloutCard } from './rollout-card.js';
import { RoundsCard } from './rounds-card.js';

/** How the newest head reaches the robots, and how good the heads are. */
export function RolloutPlace({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const task = useTask(page);
  const id = task === null ? '' : taskId(task);
  const { answer, problem } = useRead(page, id, async () =>
    task === null ? null : page.hub.task(task),
  );
  if (task === null) return <p class="card empty">{words.say('fleet.noTasks')}</p>;
  return (
    <>
      <TaskChoice page={page} />
      {problem !== null && <p class="problem">{problem}</p>}
      {answer !== null && (
        <>
          <RolloutCard key={id} page={page} task={answer} />
          <HeadsCard page={page} task={answer} />
          <LeftOutCard page={page} task={answer} />
          <RoundsCard page={page} task={answer} />
        </>
      )}
    </>
  );
}
