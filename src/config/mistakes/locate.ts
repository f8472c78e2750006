import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter, type Node } from 'yaml';

/** Line in the file, from 1, of a dotted path; of what is absent, that of the section around it. */
export type Locate = (path: string) => number | null;

/** @param lines counted while the document was parsed */
export function locator(document: Document, lines: LineCounter): Locate {
  return (path) => {
    const keys = [...path.matchAll(/[^.[\]]+/g)].map(([key]) => key);
    const offset = offsetOf(document.contents as Node | null, keys);
    return offset === null ? null : lines.linePos(offset).line;
  };
}

function offsetOf(root: Node | null, keys: readonly string[]): number | null {
  let node: unknown = root;
  let offset: number | null = null;
  let at = 0;
  while (at < keys.length) {
    if (isMap(node)) {
      // A name may contain dots.
      const rest = keys.slice(at);
      const pair = node.items.find(
        ({ key }) => isScalar(key) && [rest[0], rest.join('.')].includes(String(key.value)),
      );
      if (!isPair(pair) || !isScalar(pair.key)) return offset;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(keys[at])];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else return offset;
    at += 1;
  }
  return offset;
}
