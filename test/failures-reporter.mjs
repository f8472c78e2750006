/**
 * Names every failed test once more after the runner's summary, with its file and its reason: a log
 * of which only the end is kept still says what is broken.
 */
export default async function* failures(source) {
  const failed = [];
  for await (const event of source) {
    if (event.type !== 'test:fail') {
      continue;
    }
    const { name, file, line, details } = event.data;
    const cause = details?.error?.cause ?? details?.error;
    // A suite fails because of a test in it, which is named itself.
    if (details?.error?.failureType === 'subtestsFailed') {
      continue;
    }
    const reason = String(cause?.message ?? cause ?? 'no reason given');
    failed.push(`${file}:${line} ${name}\n${reason.replace(/^/gm, '    ')}\n`);
  }
  if (failed.length > 0) {
    yield `\nFailed tests: ${failed.length}\n${failed.join('')}`;
  }
}
