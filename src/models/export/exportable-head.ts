import { HeadlandError } from '../../base/errors.js';
import type { Head } from '../../head/head.js';
import { rowLabels } from '../../head/serving/renamed-head.js';

/**
 * The head as a model can hold it: a label for each row of its weights, in their order.
 * @throws HeadlandError HL_EXPORT_MERGED
 */
export function exportableHead(head: Head): Head {
  const { labelOfRow, ...rest } = head;
  if (!labelOfRow) return head;
  if (labelOfRow.length === head.labels.length) return { ...rest, labels: rowLabels(head) };
  throw new HeadlandError(
    'HL_EXPORT_MERGED',
    'the head was trained before two of its classes were merged; a model file cannot hold that',
    { remedy: 'Train again (`headland train`), then export.' },
  );
}
