import { createPrivateKey, generateKeyPair, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import type { Config } from '../../config/schema.js';
import { readSecret } from '../../config/secrets.js';
import { lanAddresses } from './lan-addresses.js';

const DAY_MS = 86_400_000;
/** Systems of Apple refuse certificates that are valid for more than 825 days. */
const VALID_DAYS = 800;
const RENEWED_BEFORE_DAYS = 60;
/** Clocks of robots and phones differ. */
const BEFORE_NOW_DAYS = 1;
/** A clock that shows an earlier date has not been set: the certificate would have expired when it is. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
const RSA_BITS = 2_048;
/** Codes of subject alternative names, RFC 5280. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** What the page needs to encrypt. */
export interface ConsoleCertificate {
  certificatePem: string;
  keyPem: string;
  /** Of the certificate: 32 bytes in hex, with colons, as browsers show it. */
  fingerprintSha256: string;
  /** DNS names that it is valid for, without wildcards. */
  names: string[];
  isSelfSigned: boolean;
}

/** Where headland keeps the certificate that it makes, with its key. */
export function madeCertificateFile({ paths }: Pick<Config, 'paths'>): string {
  return join(paths.stateDir, 'console-tls.pem');
}

/**
 * The certificate of the page as configured. A self-signed one is made if there is none, and again before it
 * expires.
 * @returns null: the page is not encrypted
 * @throws HeadlandError HL_CONSOLE_CERTIFICATE, HL_SECRET_…
 */
export async function consoleCertificate(
  config: Config,
  environment: NodeJS.ProcessEnv,
  nowMs: number = Date.now(),
): Promise<ConsoleCertificate | null> {
  const { mode, certFile, key } = config.console.tls;
  if (mode === 'off') return null;
  if (mode === 'files') return fromFiles(certFile ?? '', readSecret(key, environment));
  const file = madeCertificateFile(config);
  const present = existsSync(file) ? madeBefore(file) : null;
  return present !== null && isFresh(present, nowMs) ? present : make(file, nowMs);
}

function fromFiles(certFile: string, key: Buffer | null): ConsoleCertificate {
  try {
    const certificatePem = readFileSync(certFile, 'utf8');
    return { ...checked(certificatePem, String(key)), isSelfSigned: false };
  } catch (cause) {
    throw new HeadlandError(
      'HL_CONSOLE_CERTIFICATE',
      `cannot use the certificate ${certFile}: ${messageOf(cause)}`,
      {
        remedy:
          'Set console.tls.certFile to a PEM file that the daemon can read, and console.tls.key to its private key.',
        cause,
      },
    );
  }
}

/** Null: it is damaged. */
function madeBefore(file: string): ConsoleCertificate | null {
  try {
    const pem = readFileSync(file, 'utf8');
    return { ...checked(pem, pem), isSelfSigned: true };
  } catch {
    return null;
  }
}

/** @throws Error when there is no certificate or no key in the texts, or when they do not match */
function checked(certificatePem: string, keyPem: string): Omit<ConsoleCertificate, 'isSelfSigned'> {
  const certificate = new X509Certificate(certificatePem);
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {
    throw new Error('the private key belongs to another certificate');
  }
  const names = [...(certificate.subjectAltName ?? '').matchAll(/DNS:([a-z0-9._-]+)/gi)];
  return {
    certificatePem,
    keyPem,
    fingerprintSha256: certificate.fingerprint256,
    names: names.map(([, name = '']) => name),
  };
}

function isFresh({ certificatePem }: ConsoleCertificate, nowMs: number): boolean {
  const { validTo } = new X509Certificate(certificatePem);
  return Date.parse(validTo) - nowMs > RENEWED_BEFORE_DAYS * DAY_MS;
}

async function make(file: string, nowMs: number): Promise<ConsoleCertificate> {
  const pem = await selfSigned(Math.max(nowMs, EARLIEST_MS));
  try {
    // One file: a power cut cannot leave a certificate without its key.
    await writeFileDurably(file, pem, 0o600);
  } catch (cause) {
    throw new HeadlandError(
      'HL_CONSOLE_CERTIFICATE',
      `cannot write the certificate of the page to ${file}: ${messageOf(cause)}`,
      {
        remedy: 'Make paths.stateDir writable, or set console.tls.mode to off.',
        cause,
      },
    );
  }
  return { ...checked(pem, pem), isSelfSigned: true };
}

/** @returns key and certificate in PEM */
async function selfSigned(nowMs: number): Promise<string> {
  // 1.8 MB that nothing else needs.
  const { default: forge } = await import('node-forge');
  const keys = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
  // Positive, as DER reads it.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(nowMs - BEFORE_NOW_DAYS * DAY_MS);
  certificate.validity.notAfter = new Date(nowMs + VALID_DAYS * DAY_MS);
  const name = hostname();
  const who = [{ name: 'commonName', value: name.slice(0, 64) }];
  certificate.setSubject(who);
  certificate.setIssuer(who);
  const subjects = [...new Set([name, `${name}.local`, 'localhost', '127.0.0.1', '::1'])];
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [...subjects, ...lanAddresses()].map((subject) =>
        isIP(subject) ? { type: IP_ADDRESS, ip: subject } : { type: DNS_NAME, value: subject },
      ),
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(keys.privateKey), forge.md.sha256.create());
  const certificatePem = forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
  return `${keys.privateKey}${certificatePem}`;
}
