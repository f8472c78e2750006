import { useRef } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus, ConsoleStatus } from '../../../../contract/live-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { useKeys } from '../../use-keys.js';
import { CameraTile } from './camera-tile.js';
import { PauseButton } from './pause-banner.js';

/** A tile for each camera and region; the arrow keys go from tile to tile. */
export function CameraGrid({
  page,
  status,
  cameras,
}: {
  page: PageParts;
  status: ConsoleStatus;
  cameras: readonly CameraStatus[];
}) {
  const words = useWords(page);
  const list = useRef<HTMLUListElement>(null);
  const go = (step: 1 | -1) => {
    const tiles = [...(list.current?.querySelectorAll<HTMLElement>('a.tile') ?? [])];
    const at = tiles.indexOf(document.activeElement as HTMLElement);
    const next = at < 0 ? 0 : (at + step + tiles.length) % tiles.length;
    tiles[next]?.focus();
  };
  useKeys(page, { ArrowRight: () => go(1), ArrowLeft: () => go(-1) });
  return (
    <section class="grid-of-cameras" aria-labelledby="grid-title">
      <header class="live-tools">
        <h3 id="grid-title">{words.say('live.cameras', { count: cameras.length })}</h3>
        <span class="grow" />
        <PauseButton page={page} paused={status.state === 'paused'} />
      </header>
      <ul class="tiles" id="tiles" ref={list}>
        {cameras.map((camera) => (
          <li key={camera.name}>
            <CameraTile page={page} camera={camera} />
          </li>
        ))}
      </ul>
    </section>
  );
}
