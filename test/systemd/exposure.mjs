// `npm run -s unit:exposure`: how exposed systemd finds the unit, on a scale to 10. Status 1 above the
// bound. What a running unit gets on a board, `npm run test:board` says.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAX_EXPOSURE = 1.3;

const unit = fileURLToPath(new URL('../../systemd/headland.service', import.meta.url));
const { stdout, stderr, error } = spawnSync(
  'systemd-analyze',
  ['--offline=true', '--no-pager', 'security', unit],
  { encoding: 'utf8' },
);
const exposure = /Overall exposure level for headland\.service: ([\d.]+)/.exec(stdout ?? '')?.[1];
if (exposure === undefined) {
  process.stderr.write(`systemd-analyze says nothing: ${error?.message ?? stderr}\n`);
  process.exitCode = 2;
} else {
  process.stdout.write(`${exposure}\n`);
  process.exitCode = Number(exposure) <= MAX_EXPOSURE ? 0 : 1;
}
