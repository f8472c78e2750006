import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  consoleCertificate,
  madeCertificateFile,
} from '../../../src/agent/access/console-certificate.js';
import { validateConfig } from '../../../src/config/load.js';
import { temporaryFolder } from '../../temporary-folder.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2027, 0, 1);

function robot(t: TestContext, tls: Record<string, unknown> = { mode: 'self-signed' }) {
  const stateDir = temporaryFolder(t);
  return { stateDir, config: validateConfig({ paths: { stateDir }, console: { tls } }) };
}

describe('the certificate that headland makes', () => {
  test('is one that phones accept after a question', async (t) => {
    const { config } = robot(t);
    const made = await consoleCertificate(config, {}, NOW_MS);
    const certificate = new X509Certificate(made!.certificatePem);
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / DAY_MS;
    assert.ok(days <= 825, `${days} days`);
    assert.ok(certificate.verify(certificate.publicKey), 'signed by itself');
    for (const name of ['localhost', `${hostname()}.local`]) assert.ok(certificate.checkHost(name));
    assert.ok(certificate.checkIP('127.0.0.1'));
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.equal(made!.fingerprintSha256, certificate.fingerprint256);
  });

  test('stays until it would soon expire, or is damaged', async (t) => {
    const { config } = robot(t);
    const at = async (days: number) =>
      (await consoleCertificate(config, {}, NOW_MS + days * DAY_MS))!.fingerprintSha256;
    const first = await at(0);
    assert.equal(await at(739), first);
    const second = await at(741);
    assert.notEqual(second, first);
    const file = madeCertificateFile(config);
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 2_000));
    assert.notEqual(await at(741), second);
  });

  test('is valid in our time when the clock of the robot has not been set', async (t) => {
    const { config } = robot(t);
    const made = await consoleCertificate(config, {}, 0);
    assert.ok(Date.parse(new X509Certificate(made!.certificatePem).validTo) > Date.UTC(2028, 0, 1));
  });
});

test('a certificate of others is used with its key alone, under its names', async (t) => {
  const { config: maker } = robot(t);
  const { config: other } = robot(t);
  const own = await consoleCertificate(maker, {}, NOW_MS);
  await consoleCertificate(other, {}, NOW_MS);
  const folder = temporaryFolder(t);
  const certFile = join(folder, 'cert.pem');
  writeFileSync(certFile, own!.certificatePem);
  const key = { file: madeCertificateFile(maker) };
  const given = await consoleCertificate(robot(t, { mode: 'files', certFile, key }).config, {});
  assert.equal(given!.isSelfSigned, false);
  assert.ok(given!.names.includes(`${hostname()}.local`));
  const wrong = { mode: 'files', certFile, key: { file: madeCertificateFile(other) } };
  await assert.rejects(consoleCertificate(robot(t, wrong).config, {}), {
    code: 'HL_CONSOLE_CERTIFICATE',
  });
});

test('files that the page would not use, or lacks, are a fault of the configuration', () => {
  const load = (tls: unknown) => () => validateConfig({ console: { tls } });
  const key = { file: '/k' };
  assert.throws(load({ mode: 'files' }), { code: 'HL_CONFIG_INVALID' });
  assert.throws(load({ mode: 'files', key }), { code: 'HL_CONFIG_INVALID' });
  assert.throws(load({ mode: 'self-signed', certFile: '/c' }), { code: 'HL_CONFIG_INVALID' });
  assert.throws(load({ key }), { code: 'HL_CONFIG_INVALID' });
});
