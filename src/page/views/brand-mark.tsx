export function BrandMark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M7 25V14a9 9 0 0 1 18 0v11M12.5 25V14a3.5 3.5 0 0 1 7 0v11" />
    </svg>
  );
}
