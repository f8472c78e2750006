import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { FollowMode, RobotsAndTasks, TaskKey } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';

/** Orders for which heads a robot or a group takes. */
export function FollowButtons({
  page,
  whom,
  task,
  name,
  follow,
  version = 1,
}: {
  page: FleetParts;
  whom: RobotsAndTasks;
  /** The task that a pin is about: versions of different tasks have nothing in common. */
  task: TaskKey;
  name: string;
  follow: FollowMode;
  /** The version that a pin is offered for. */
  version?: number;
}) {
  const words = useWords(page);
  const [pinned, setPinned] = useState(version);
  const values = { name, version: pinned };
  return (
    <div class="row wrap orders">
      {follow === 'follow' ? (
        <button
          type="button"
          data-order="pause"
          onClick={() =>
            void page.orders.give('/api/pause', whom, {
              title: 'fleet.pauseTitle',
              message: 'fleet.pauseText',
              yes: 'fleet.pause',
              values,
            })
          }
        >
          {words.say('fleet.pause')}
        </button>
      ) : (
        <button
          type="button"
          data-order="resume"
          onClick={() =>
            void page.orders.give('/api/resume', whom, {
              title: 'fleet.resumeTitle',
              message: 'fleet.resumeText',
              yes: 'fleet.resume',
              values,
            })
          }
        >
          {words.say('fleet.resume')}
        </button>
      )}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void page.orders.give(
            '/api/pin',
            { ...whom, task: task.task, backbone: task.backbone, version: pinned },
            {
              title: 'fleet.pinTitle',
              message: 'fleet.pinText',
              yes: 'fleet.pin',
              values,
            },
          );
        }}
      >
        <input
          type="number"
          class="short"
          min={1}
          step={1}
          required
          value={pinned}
          aria-label={words.say('fleet.pinVersion', { name })}
          onInput={({ currentTarget: { valueAsNumber } }) =>
            setPinned(Number.isNaN(valueAsNumber) ? 1 : valueAsNumber)
          }
        />
        <button type="submit" data-order="pin">
          {words.say('fleet.pin')}
        </button>
      </form>
    </div>
  );
}
