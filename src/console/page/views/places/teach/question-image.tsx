import { useRef, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { Question } from '../../../../contract/teach-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { ScreenImage } from '../../look/screen-image.js';

/** A finger must move this far for a swipe. */
const SWIPE_PX = 90;

/** The image of a question and why the robot asks. A swipe to the right confirms, one to the left skips. */
export function QuestionImage({
  page,
  question,
  picture,
  confirm,
  skip,
}: {
  page: PageParts;
  question: Question;
  /** Undefined: it is being loaded. */
  picture: HTMLImageElement | 'gone' | undefined;
  /** Null: there is no guess to confirm. */
  confirm: (() => void) | null;
  skip: () => void;
}) {
  const words = useWords(page);
  const start = useRef<{ x: number; y: number } | null>(null);
  const [movedPx, setMovedPx] = useState(0);
  const end = () => {
    start.current = null;
    setMovedPx(0);
  };
  const { camera, reason, why } = question;
  const alt = words.say('teach.imageOf', { camera });
  return (
    <figure
      class="question-image"
      data-swipe={swipeOf(movedPx, confirm !== null)}
      onTouchStart={({ touches }) => {
        const [touch] = touches;
        const isOne = touches.length === 1 && touch !== undefined;
        start.current = isOne ? { x: touch.clientX, y: touch.clientY } : null;
      }}
      onTouchMove={({ touches: [touch] }) => {
        if (start.current === null || touch === undefined) return;
        const x = touch.clientX - start.current.x;
        const isFlat = Math.abs(x) > 2 * Math.abs(touch.clientY - start.current.y);
        setMovedPx(isFlat ? x : 0);
      }}
      onTouchCancel={end}
      onTouchEnd={() => {
        const swipe = swipeOf(movedPx, confirm !== null);
        end();
        if (swipe === 'confirm') confirm?.();
        else if (swipe === 'skip') skip();
      }}
    >
      <ScreenImage
        image={picture === undefined || picture === 'gone' ? null : picture}
        id="question-picture"
        alt={alt}
      />
      {picture === undefined && <p class="nothing">{words.say('shell.loading')}</p>}
      {picture === 'gone' && <p class="nothing">{words.say('teach.imageGone')}</p>}
      <figcaption>
        <span class="chip" id="reason" title={words.message(why)}>
          {words.say(`teach.reason.${reason}`)}
        </span>
        <span class="chip where">
          {camera} · {words.date(question.capturedAtMs, TIME)}
        </span>
      </figcaption>
      <span class="swipe-word" aria-hidden="true">
        {movedPx > 0 && confirm !== null
          ? `${question.guess?.label ?? ''} ✓`
          : words.say('teach.skip')}
      </span>
    </figure>
  );
}

const TIME: Intl.DateTimeFormatOptions = { dateStyle: 'short', timeStyle: 'short' };

function swipeOf(movedPx: number, canConfirm: boolean): 'confirm' | 'skip' | 'none' {
  if (movedPx > SWIPE_PX && canConfirm) return 'confirm';
  return movedPx < -SWIPE_PX ? 'skip' : 'none';
}
