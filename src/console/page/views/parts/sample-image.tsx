import { useState } from 'preact/hooks';
import { useWords } from '../../../../page/views/use-words.js';
import type { PageParts } from '../../control/page-parts.js';

/** The image of a sample, or what says that there is none any more. */
export function SampleImage({
  page,
  id,
  size,
  alt = '',
}: {
  page: PageParts;
  id: string;
  size: 'thumbnail' | 'picture';
  /** Empty: what stands around it says it. */
  alt?: string;
}) {
  const words = useWords(page);
  const [failed, setFailed] = useState<string | null>(null);
  if (failed === id) return <span class="no-image">{words.say('pictures.imageGone')}</span>;
  return (
    <img
      alt={alt}
      src={page.api.address(`GET /api/samples/{id}/${size}`, { params: { id } })}
      decoding="async"
      draggable={false}
      onError={() => setFailed(id)}
    />
  );
}
