import { useMemo, useState } from 'preact/hooks';

/** The samples that are chosen for a change. */
export interface PictureChoice {
  readonly ids: ReadonlySet<string>;
  /** Where the last choice was made, for a range from there; null: nowhere. */
  readonly anchor: number | null;
  toggle(index: number, id: string): void;
  /** @param index the new anchor; null: it stays */
  add(ids: readonly string[], index: number | null): void;
  clear(): void;
}

export function usePictureChoice(): PictureChoice {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [anchor, setAnchor] = useState<number | null>(null);
  return useMemo(
    () => ({
      ids,
      anchor,
      toggle(index: number, id: string) {
        setIds((before) => {
          const after = new Set(before);
          if (!after.delete(id)) after.add(id);
          return after;
        });
        setAnchor(index);
      },
      add(more: readonly string[], index: number | null) {
        setIds((before) => new Set([...before, ...more]));
        if (index !== null) setAnchor(index);
      },
      clear() {
        setIds(new Set());
        setAnchor(null);
      },
    }),
    [ids, anchor],
  );
}
