import { percent } from '../../words/figures.js';

/** @param share completed share, clamped to 0..1 */
export function ProgressBar({ share, label }: { share: number; label: string }) {
  return (
    <div class="progress" role="img" aria-label={label}>
      <i style={{ width: percent(Math.max(0, Math.min(1, share))) }} />
    </div>
  );
}
