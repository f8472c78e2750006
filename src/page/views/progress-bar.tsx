import { percent } from '../words/figures.js';

/** @param share completed share, clamped to 0..1 */
export function ProgressBar({ share, label }: { share: number; label: string }) {
  const done = Math.max(0, Math.min(1, share));
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.round(done * 100)}
    >
      <i style={{ width: percent(done) }} />
    </div>
  );
}
