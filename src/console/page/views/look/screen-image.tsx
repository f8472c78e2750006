import { useLayoutEffect, useRef } from 'preact/hooks';

/** Inserts the decoded image element itself: setting `src` would decode the picture again and flicker. */
export function ScreenImage({
  image,
  id,
  alt,
}: {
  image: HTMLImageElement | null;
  id?: string;
  alt: string;
}) {
  const slot = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (image === null) slot.current?.replaceChildren();
    else slot.current?.replaceChildren(image);
  }, [image]);
  useLayoutEffect(() => {
    if (image === null) return;
    image.id = id ?? '';
    image.alt = alt;
    image.draggable = false;
  }, [image, id, alt]);
  return <div class="image" ref={slot} />;
}
