import { Command } from 'commander';
import { askConsole } from '../../agent/access/ask-console.js';
import {
  checkReachable,
  type Listening,
  ownAddress,
  recordedListening,
} from '../../agent/access/listening.js';
import { openPresentState } from '../../agent/access/present-state.js';
import { DEFAULT_PAIRING_MINUTES, RobotAccess } from '../../agent/access/robot-access.js';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { ConsoleSession, PairingOffer } from '../../console/console-access.js';
import { failureLog } from '../support/command-log.js';
import {
  EXIT,
  type OutputOptions,
  printJson,
  printLine,
  reportFailure,
  table,
} from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import { resolveConfig } from '../support/resolve-config.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';
import { qrLines } from './qr-text.js';

const BY = { source: 'cli' } as const;
const ANSWER_TIMEOUT_MS = 4_000;

interface PairOptions extends StateOptions, OutputOptions {
  minutes: number;
}

/** Pairs a phone or another device with the page of a running daemon; lists and revokes sessions. */
export function pairCommand(): Command {
  const command = withStateOptions(new Command('pair'))
    .option(
      '--minutes <n>',
      'time in which the link must be opened',
      parseWhole(1, 1_440),
      DEFAULT_PAIRING_MINUTES,
    )
    .option('--json', 'print one JSON object')
    .action(async (options: PairOptions) => {
      try {
        await withAccess(options, (access, config, listening) =>
          offer(access, config, listening, options),
        );
      } catch (error) {
        if (!isHeadlandError(error, 'HL_PAIR_LOOPBACK')) throw error;
        reportFailure(error, options);
        process.exitCode = EXIT.refused;
      }
    });
  command
    .command('list')
    .description('list the paired devices')
    .action((_: object, inner: Command) => {
      const options = inner.optsWithGlobals<PairOptions>();
      return withAccess(options, (access) => list(access, options));
    });
  command
    .command('revoke')
    .description('end the session of a device, or of all')
    .argument('<session>', 'id of the session, or "all"')
    .action((session: string, _: object, inner: Command) => {
      const options = inner.optsWithGlobals<PairOptions>();
      return withAccess(options, (access) => revoke(access, session, options));
    });
  return command;
}

async function withAccess(
  options: StateOptions,
  work: (access: RobotAccess, config: Config, listening: Listening | null) => Promise<void> | void,
): Promise<void> {
  const config = resolveConfig(options);
  const state = openPresentState(config, failureLog);
  try {
    const listening = recordedListening(state.meta);
    const access = new RobotAccess({
      table: state.access,
      meta: state.meta,
      audit: state.audit,
      sessionDays: config.console.sessionDays,
      listening: () => listening,
    });
    await work(access, config, listening);
  } finally {
    state.close();
  }
}

async function offer(
  access: RobotAccess,
  config: Config,
  listening: Listening | null,
  options: PairOptions,
): Promise<void> {
  // First, because a daemon that is started as configured could not be reached either.
  checkReachable(listening?.host ?? config.console.host);
  if (listening === null || !(await answers(listening, config))) throw noConsole(listening);
  const pairing = await access.offerLinks(options.minutes, BY);
  if (options.json) printPairingJson(pairing, listening);
  else printPairing(pairing, listening, options.minutes);
}

async function answers(listening: Listening, config: Config): Promise<boolean> {
  const url = `${ownAddress(listening)}/healthz`;
  const body = await askConsole({ url, timeoutMs: ANSWER_TIMEOUT_MS }, config).catch(() => null);
  return body !== null && Buffer.from(body).toString().includes('"alive"');
}

function noConsole(listening: Listening | null): HeadlandError {
  const where = listening === null ? '' : ` on ${ownAddress(listening)}`;
  return new HeadlandError('HL_PAIR_NO_CONSOLE', `no page of a running daemon answers${where}`, {
    remedy:
      'Start the daemon (systemctl start headland), or name its configuration: --config FILE. `headland doctor` tells why the page does not answer.',
  });
}

/** Written as they are: other output hides what stands behind "#". */
function printPairingJson({ links, expiresAtMs }: PairingOffer, listening: Listening): void {
  const { fingerprintSha256, tokenFile } = listening;
  const expiresAt = new Date(expiresAtMs).toISOString();
  const answer = { link: links[0], links, expiresAt, fingerprintSha256, tokenFile };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function printPairing({ links }: PairingOffer, listening: Listening, minutes: number): void {
  const [best = '', ...others] = links;
  const { fingerprintSha256, scheme, tokenFile } = listening;
  const time = minutes === 1 ? '1 minute' : `${minutes} minutes`;
  printLine(
    `Open this link on a phone in the same network, or scan the code. It pairs one device, within ${time}.`,
  );
  printLine();
  process.stdout.write(`  ${best}\n\n`);
  printCode(best);
  if (others.length > 0) {
    printLine('If it does not open, the robot has other addresses:');
    for (const link of others) process.stdout.write(`  ${link}\n`);
    printLine();
  }
  if (fingerprintSha256 !== null) {
    printLine(
      'This robot made its certificate itself, so the browser warns once. SHA-256 fingerprint of the certificate:',
    );
    process.stdout.write(`  ${fingerprintSha256}\n`);
  } else if (scheme === 'http') {
    printLine('The connection is not encrypted. To encrypt it: console.tls.mode: self-signed');
  }
  if (tokenFile !== null) printLine(`Programs send the token in ${tokenFile}`);
  printLine('Paired devices: headland pair list');
}

function printCode(link: string): void {
  const { isTTY, columns } = process.stdout;
  const lines = qrLines(link, isTTY && !process.env.NO_COLOR);
  const width = qrLines(link, false)[0]?.length ?? 0;
  if (isTTY && columns < width) {
    printLine(`(The terminal is too narrow for the code: it needs ${width} columns.)`);
    printLine();
    return;
  }
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

function list(access: RobotAccess, { json }: OutputOptions): void {
  const sessions = access.sessions();
  const rows = sessions.map(inIsoTime);
  if (json) printJson({ sessions: rows });
  else if (rows.length === 0) printLine('no device is paired');
  else {
    const head = ['id', 'device', 'paired', 'last seen', 'expires'];
    const minute = (iso: string): string => iso.replace(/:\d\d\.\d+Z$/, 'Z');
    const lines = rows.map(({ id, device, createdAt, lastSeenAt, expiresAt }) => {
      return [id, device, minute(createdAt), minute(lastSeenAt), minute(expiresAt)];
    });
    printLine(table([head, ...lines], ''));
  }
}

async function revoke(
  access: RobotAccess,
  session: string,
  { json }: OutputOptions,
): Promise<void> {
  let revoked = 1;
  if (session === 'all') revoked = await access.revokeAll(BY);
  else await access.revoke(session, BY);
  if (json) printJson({ revoked });
  else printLine(`revoked: ${revoked} ${revoked === 1 ? 'session' : 'sessions'}`);
}

function inIsoTime({ id, device, createdAtMs, lastSeenAtMs, expiresAtMs }: ConsoleSession) {
  return {
    id,
    device,
    createdAt: new Date(createdAtMs).toISOString(),
    lastSeenAt: new Date(lastSeenAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
}
