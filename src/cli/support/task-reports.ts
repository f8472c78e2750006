/** Reports by task for `--json`: the report itself where there is one task. */
export function reportsAsJson(
  reports: ReadonlyMap<string, { classes: ReadonlyMap<string, number> }>,
): object {
  const all = [...reports].map(([task, report]): [string, object] => {
    return [task, { ...report, classes: Object.fromEntries(report.classes) }];
  });
  const [first, ...others] = all;
  return first !== undefined && others.length === 0 ? first[1] : { tasks: Object.fromEntries(all) };
}
