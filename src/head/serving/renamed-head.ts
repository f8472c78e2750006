import type { Head } from '../head.js';

/**
 * The head with other names for its classes. Classes that get one name are answered as one: their
 * probabilities are added, because they are answers to disjoint events.
 * @param names new name by old name; a name that is missing stays
 */
export function withClassNames(head: Head, names: ReadonlyMap<string, string>): Head {
  const rows = rowLabels(head).map((label) => names.get(label) ?? label);
  const labels = [...new Set(rows)].sort();
  if (labels.length < 2 || rows.every((label, row) => label === head.labels[row])) return head;
  const labelOfRow = Int32Array.from(rows, (label) => labels.indexOf(label));
  return { ...head, labels, labelOfRow };
}

/** Label of each row of the weights. */
export function rowLabels({ labels, labelOfRow }: Pick<Head, 'labels' | 'labelOfRow'>): string[] {
  return labelOfRow ? Array.from(labelOfRow, (label) => labels[label]!) : [...labels];
}

/** Adds up the columns of the same label. @param values n x rows of the weights, row-major */
export function byLabel(labelOfRow: Int32Array | undefined, values: Float64Array): Float64Array {
  if (!labelOfRow) return values;
  const rows = labelOfRow.length;
  const labels = Math.max(...labelOfRow) + 1;
  const sums = new Float64Array((values.length / rows) * labels);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / rows) * labels + labelOfRow[i % rows]!;
    sums[at] = sums[at]! + values[i]!;
  }
  return sums;
}
