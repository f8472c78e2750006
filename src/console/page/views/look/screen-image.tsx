import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ScreenPicture } from '../../control/page-state.js';

/** Inserts the decoded image element itself: setting `src` would decode the picture again and flicker. */
export function ScreenImage({ picture }: { picture: ScreenPicture | null }) {
  const slot = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (picture === null) return;
    const { image, description } = picture;
    image.id = 'picture';
    image.alt = description;
    slot.current?.replaceChildren(image);
  }, [picture]);
  return <div class="image" ref={slot} />;
}
