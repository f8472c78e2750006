import { useEffect, useRef } from 'preact/hooks';
import { useWords } from '../../../../../../page/views/use-words.js';
import type { Picture } from '../../../../../contract/pictures-contract.js';
import type { PageParts } from '../../../../control/page-parts.js';
import { SampleImage } from '../../../parts/sample-image.js';
import { describeRest, titleOf } from '../picture-words.js';

/** A finger that stays for so long chooses a picture instead of opening it. */
const LONG_PRESS_MS = 450;
const MOVED_PX = 10;

export const MARKS = { wrong: '✗', doubtful: '?', suspect: '!' } as const;

export interface TileEvents {
  open(index: number, id: string): void;
  toggle(index: number, id: string): void;
  range(index: number): void;
  focused(index: number): void;
}

/** One sample in the grid. A click opens it or, while others are chosen, chooses it. */
export function PictureTile({
  page,
  picture,
  index,
  column,
  chosen,
  choosing,
  current,
  events,
}: {
  page: PageParts;
  /** Undefined: not loaded yet. */
  picture: Picture | undefined;
  index: number;
  column: number;
  chosen: boolean;
  /** Some samples are chosen. */
  choosing: boolean;
  /** Takes the focus of the grid. */
  current: boolean;
  events: TileEvents;
}) {
  const words = useWords(page);
  const press = useLongPress(() => picture && events.toggle(index, picture.id));
  return (
    // biome-ignore lint/a11y/useSemanticElements: as the grid
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys of all its cells
    <div
      class="picture-tile"
      role="gridcell"
      aria-colindex={column + 1}
      aria-selected={chosen}
      data-index={index}
      data-id={picture?.id}
      tabIndex={current ? 0 : -1}
      onFocus={() => events.focused(index)}
      onPointerDown={press.down}
      onPointerMove={press.moved}
      onPointerUp={press.up}
      onPointerCancel={press.up}
      onContextMenu={(event) => press.isTouch() && event.preventDefault()}
      onClick={(event) => {
        if (picture === undefined || press.wasLong()) return;
        const onCheck = event.target instanceof Element && event.target.closest('.check') !== null;
        if (event.shiftKey) events.range(index);
        else if (onCheck || choosing || event.ctrlKey || event.metaKey) {
          events.toggle(index, picture.id);
        } else events.open(index, picture.id);
      }}
    >
      {picture === undefined ? (
        <span class="away">{words.say('shell.loading')}</span>
      ) : (
        <TileContent page={page} picture={picture} />
      )}
      {picture !== undefined && (
        <span class="check" aria-hidden="true">
          <i>{chosen ? '✓' : ''}</i>
        </span>
      )}
    </div>
  );
}

function TileContent({ page, picture }: { page: PageParts; picture: Picture }) {
  const words = useWords(page);
  const { answer, verdicts, label } = picture;
  const [verdict] = verdicts;
  return (
    <>
      {picture.hasPicture ? (
        <SampleImage page={page} id={picture.id} size="thumbnail" />
      ) : (
        <span class="no-image" aria-hidden="true">
          {words.say('pictures.imageGone')}
        </span>
      )}
      {picture.holdout && (
        <span class="held-out" aria-hidden="true">
          {words.say('pictures.heldOutShort')}
        </span>
      )}
      <span class="picture-words" data-state={picture.state}>
        <b>{titleOf(picture, words)}</b>
        {verdict !== undefined && (
          <small data-verdict={verdict} aria-hidden="true">
            {`${MARKS[verdict]} ${answer !== null && answer.label !== label ? answer.label : words.say(`pictures.verdict.${verdict}`)}`}
          </small>
        )}
        <span class="away">{`, ${describeRest(picture, words)}`}</span>
      </span>
    </>
  );
}

/** Tells a long press of a finger from a short one and from scrolling. */
function useLongPress(act: () => void) {
  const now = useRef<{ timer?: ReturnType<typeof setTimeout>; x: number; y: number }>({
    x: 0,
    y: 0,
  });
  const long = useRef(false);
  const touch = useRef(false);
  const latest = useRef(act);
  latest.current = act;
  const stop = () => clearTimeout(now.current.timer);
  useEffect(() => stop, []);
  return {
    down({ pointerType, clientX: x, clientY: y }: PointerEvent) {
      long.current = false;
      touch.current = pointerType !== 'mouse';
      if (!touch.current) return;
      stop();
      const timer = setTimeout(() => {
        long.current = true;
        latest.current();
      }, LONG_PRESS_MS);
      now.current = { timer, x, y };
    },
    moved({ clientX, clientY }: PointerEvent) {
      const { x, y } = now.current;
      if (Math.hypot(clientX - x, clientY - y) > MOVED_PX) stop();
    },
    up: stop,
    /** Whether the click that comes now ends a long press. */
    wasLong: () => long.current,
    isTouch: () => touch.current,
  };
}
