import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus } from '../../../../contract/live-contract.js';
import type { Tile } from '../../../control/live/tile-feed.js';
import type { PageParts } from '../../../control/page-parts.js';
import { beliefOf } from '../../../words/belief.js';
import { ScreenImage } from '../../look/screen-image.js';
import { BeliefBadge } from '../../parts/belief-badge.js';
import { NoveltyMeter } from '../../parts/novelty-meter.js';
import { CameraFacts } from './camera-facts.js';

/** The newest image of a camera, its decision, and how the camera does. */
export function CameraTile({ page, camera }: { page: PageParts; camera: CameraStatus }) {
  const words = useWords(page);
  const { name } = camera;
  const place = useRef<HTMLAnchorElement>(null);
  const tile = useTile(page, name, place);
  const decision = tile?.frame.decision ?? null;
  const belief = decision === null ? null : beliefOf(decision);
  return (
    <a
      class="tile"
      ref={place}
      href={page.address.link('live', { camera: name })}
      data-camera={name}
      data-belief={belief ?? 'none'}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        page.address.go('live', { camera: name });
      }}
    >
      <span class="tile-image">
        <ScreenImage image={tile?.image ?? null} alt="" />
        {tile === null && <span class="tile-nothing">{words.say('live.firstPicture')}</span>}
      </span>
      <span class="tile-words">
        <span class="tile-name">{name}</span>
        <span class="tile-decision">
          <strong>
            {decision === null
              ? words.say('live.notClassified')
              : belief === 'unknown'
                ? words.say('live.unknown')
                : decision.label}
          </strong>
          {belief !== null && belief !== 'unknown' && <BeliefBadge page={page} belief={belief} />}
          {belief === 'unknown' && <BeliefBadge page={page} belief={belief} />}
        </span>
        <NoveltyMeter page={page} pValue={decision?.noveltyPValue ?? null} />
        <CameraFacts page={page} camera={camera} />
      </span>
    </a>
  );
}

/** The newest tile of a camera; it is kept fresh only while it can be seen. */
function useTile(
  page: PageParts,
  camera: string,
  place: { current: HTMLElement | null },
): Tile | null {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0);
  const [widthPx, setWidthPx] = useState(0);
  useEffect(() => {
    if (place.current === null) return;
    const observer = new IntersectionObserver(([entry]) => {
      const isSeen = entry?.isIntersecting === true;
      setWidthPx(isSeen ? entry.boundingClientRect.width * devicePixelRatio : 0);
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [place]);
  useEffect(
    () => (widthPx > 0 ? page.tiles.watch(camera, widthPx, () => redraw(undefined)) : undefined),
    [page, camera, widthPx],
  );
  return page.tiles.tile(camera);
}
