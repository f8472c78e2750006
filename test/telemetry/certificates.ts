import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** For `test(…, { skip })`: false when certificates can be made. */
export const withoutOpenssl =
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'openssl is missing: apt-get install openssl';

/** A certificate authority, a server for 127.0.0.1 and a client, as files in `dir`. */
export function writeCertificates(dir: string): void {
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: dir });
    assert.equal(status, 0, String(stderr));
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  writeFileSync(join(dir, 'san'), 'subjectAltName=IP:127.0.0.1\n');
  for (const ca of ['ca', 'other']) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.crt`,
      '-subj',
      `/CN=${ca}`,
    );
  }
  for (const name of ['server', 'r1']) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san'];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed);
  }
  // mosquitto started as root reads its files as another user.
  spawnSync('chmod', ['-R', 'a+rX', dir]);
}

/** Lines of mosquitto's configuration: a port that asks for a certificate of `ca`. */
export function tlsListener(port: number, dir: string): string[] {
  return [
    `listener ${port} 127.0.0.1`,
    `cafile ${join(dir, 'ca.crt')}`,
    `certfile ${join(dir, 'server.crt')}`,
    `keyfile ${join(dir, 'server.key')}`,
    'require_certificate true',
  ];
}

/** A copy of the key of {@link writeCertificates} that nobody else may read, as secrets must be. */
export function privateKey(dir: string, name: string): string {
  const file = join(dir, `${name}.secret`);
  copyFileSync(join(dir, `${name}.key`), file);
  chmodSync(file, 0o600);
  return file;
}
