/** Names of fields in files and rows of a headland that called the holdout the exam. */
const RENAMED: Readonly<Record<string, string>> = {
  exam: 'holdout',
  championExam: 'championHoldout',
};
/** Fields whose value was such a name. */
const NAMED_BY_VALUE: readonly string[] = ['source', 'evidence'];

/** Gives the fields of parsed JSON, at any depth, their names of today. */
export function withPresentNames(stored: unknown): unknown {
  if (Array.isArray(stored)) return stored.map(withPresentNames);
  if (typeof stored !== 'object' || stored === null) return stored;
  return Object.fromEntries(
    Object.entries(stored).map(([name, value]) => {
      const present = Object.hasOwn(RENAMED, name) ? RENAMED[name]! : name;
      const named = NAMED_BY_VALUE.includes(name) && value === 'exam';
      return [present, named ? 'holdout' : withPresentNames(value)];
    }),
  );
}
