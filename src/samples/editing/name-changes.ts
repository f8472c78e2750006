/** A change of a class that makes a head of an earlier label revision use another name. */
export interface NameChange {
  from: string;
  to: string;
  /** It applies to what was learnt before this label revision. */
  beforeRevision: number;
  /** It does not apply to what was learnt before this one. */
  sinceRevision: number;
}

/**
 * The names that classes of a label revision have now: those that differ, by their old name.
 * @param changes in the order in which they were made
 */
export function namesNow(changes: readonly NameChange[], revision: number): Map<string, string> {
  const names = new Map<string, string>();
  for (const { from, to, beforeRevision, sinceRevision } of changes) {
    if (revision >= beforeRevision || revision < sinceRevision) continue;
    for (const [old, name] of names) if (name === from) names.set(old, to);
    if (!names.has(from)) names.set(from, to);
  }
  for (const [old, name] of names) if (old === name) names.delete(old);
  return names;
}
