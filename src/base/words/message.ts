export type MessageValue = number | string;

/** A sentence for people: a key with values for pages that translate it, and the English text. */
export interface Message {
  /** Names the sentence in the catalogues of the page. */
  key: string;
  values: Record<string, MessageValue>;
  /** English, one sentence or a few short ones. */
  text: string;
}

/** Names as one value of a message. */
export function named(names: readonly string[]): string {
  return names.join(', ');
}

/** The first sentence of a text. */
export function firstSentence(text: string): string {
  return /^.*?[.!](?=\s|$)/s.exec(text)?.[0] ?? text;
}

/** `"a"`, `"a" and "b"`, `"a", "b" and 3 more` */
export function listed(names: readonly string[], most = 3): string {
  const quoted = names.slice(0, most).map((name) => `"${name}"`);
  const left = names.length - most;
  if (left > 0) return `${quoted.join(', ')} and ${left} more`;
  const last = quoted.pop();
  return quoted.length === 0 ? (last ?? '') : `${quoted.join(', ')} and ${last}`;
}
