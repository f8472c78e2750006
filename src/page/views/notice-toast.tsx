import type { FrameParts } from './frame-parts.js';
import { useSelected } from './use-selected.js';

export function NoticeToast({ page }: { page: FrameParts }) {
  const notice = useSelected(page.store, (state) => state.notice);
  const action = notice?.action ?? null;
  return (
    <div
      class="toast"
      id="toast"
      role="status"
      aria-live="polite"
      data-kind={notice?.problem ? 'problem' : 'word'}
      hidden={notice === null}
    >
      <span id="toast-text">{notice?.message}</span>
      <button
        id="toast-action"
        type="button"
        hidden={action === null}
        onClick={() => {
          page.notices.dismiss();
          action?.act();
        }}
      >
        {action?.words}
      </button>
    </div>
  );
}
