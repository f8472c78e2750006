import type { ComponentChildren } from 'preact';

/** What is wider or higher than its place; it scrolls by keyboard, too. */
export function ScrollArea({
  labelledBy,
  isShort = false,
  children,
}: {
  /** Id of the element that names it. */
  labelledBy: string;
  /** No higher than a screen. */
  isShort?: boolean;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset belongs to forms
    <div
      class={isShort ? 'scroll short' : 'scroll'}
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      aria-labelledby={labelledBy}
    >
      {children}
    </div>
  );
}
