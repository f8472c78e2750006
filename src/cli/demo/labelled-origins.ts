import type { SampleStore } from '../../samples/store.js';

const PAGE = 1_000;

/** Origins of the samples that have a label. */
export function* labelledOrigins(samples: SampleStore): Generator<string> {
  let afterId: string | undefined;
  for (;;) {
    const page = samples.list({
      labelled: true,
      limit: PAGE,
      ...(afterId === undefined ? {} : { afterId }),
    });
    for (const { origin } of page) if (origin !== null) yield origin;
    const last = page.at(-1);
    if (!last) return;
    afterId = last.id;
  }
}
