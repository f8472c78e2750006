// Runs check.py in Pyodide: node run.mjs TOOLS VERSION FILE. Prints its result.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [tools, version, file] = process.argv.slice(2);
const pyodide = join(tools, 'pyodide', 'node_modules', 'pyodide', 'pyodide.mjs');
try {
  const { loadPyodide } = await import(pathToFileURL(pyodide).href);
  const python = await loadPyodide({ stdout: console.error, stderr: console.error });
  python.mountNodeFS('/packages', join(tools, 'packages'));
  python.mountNodeFS('/homeassistant', join(tools, `homeassistant-${version}`));
  python.runPython('import sys; sys.path[:0] = ["/homeassistant", "/packages"]');
  python.runPython(readFileSync(new URL('check.py', import.meta.url), 'utf8'));
  process.stdout.write(await python.globals.get('main')(readFileSync(file, 'utf8')));
} catch (error) {
  // Node would print the whole line of its source: a megabyte.
  process.stderr.write(`${String(error?.message ?? error).slice(-4_000)}\n`);
  process.exitCode = 1;
}
