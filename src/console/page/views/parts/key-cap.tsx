/** The key that does the same as a button; buttons name it for screen readers by `aria-keyshortcuts`. */
export function KeyCap({ name }: { name: string }) {
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a kbd cannot be focused
  return <kbd aria-hidden="true">{name}</kbd>;
}
