import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { troubleOf } from './camera-facts.js';

/** Cameras and regions on which the task does not decide. */
export function OtherCameras({
  page,
  cameras,
}: {
  page: PageParts;
  cameras: readonly CameraStatus[];
}) {
  const words = useWords(page);
  if (cameras.length === 0) return null;
  return (
    <section class="other-cameras" aria-labelledby="other-cameras-title">
      <h3 id="other-cameras-title">{words.say('live.notUsed')}</h3>
      <ul>
        {cameras.map((camera) => (
          <li key={camera.name}>
            <strong>{camera.name}</strong>{' '}
            <span>{troubleOf(camera, words) ?? words.say('live.runs')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
