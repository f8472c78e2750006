/** Commands that answer at once; of groups those of their commands that do. */
const SHORT: readonly string[] = [
  'audit',
  'classes',
  'config',
  'help',
  'hold',
  'keys',
  'label',
  'map',
  'models heads',
  'models list',
  'models why',
  'outputs',
  'pair',
  'pin',
  'release',
  'rollback',
  'status',
];

/**
 * Whether a command line is answered by the bundle of dist/commands, which loads in half the time. What
 * runs for long runs as modules: their names and lines are those of its stack traces, and only they
 * need the memory of a daemon.
 * @param words the command line after the name of the program
 */
export function isShort(words: readonly string[]): boolean {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  if (first === undefined || words.some((word) => word === '--help' || word === '-h')) return true;
  return SHORT.includes(first) || SHORT.includes(`${first} ${second}`);
}
