// node check.mjs FOLDER DOCUMENT: what the parser of AsyncAPI says about a document, as JSON. FOLDER is where
// deploy/install-test-tools.sh has installed it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(join(folder, 'package.json'))('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
const channels = document?.channels().all() ?? [];
const answer = {
  version: document?.version() ?? null,
  channels: channels.map((channel) => channel.address()),
  operations: document?.operations().all().length ?? 0,
  diagnostics: diagnostics.map(({ code, message, path, severity }) => {
    return { code: String(code), message, path: path.join('/'), severity };
  }),
};
process.stdout.write(`${JSON.stringify(answer)}\n`);
