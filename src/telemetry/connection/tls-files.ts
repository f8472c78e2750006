import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { decodeText } from '../../base/words/text.js';

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;

export interface TlsFiles {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/**
 * Reads certificates from a file, as PEM. The file holds one or more in PEM, in any text encoding,
 * or one in DER. Node.js ignores a file without a certificate, and the broker would then seem
 * untrusted.
 *
 * @throws HeadlandError HL_MQTT_TLS_FILE
 */
export function readCertificates(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new HeadlandError('HL_MQTT_TLS_FILE', `cannot read ${path}: ${messageOf(cause)}`, {
      remedy: 'Correct mqtt.caFile or mqtt.certFile, or make the file readable for the daemon.',
      cause,
    });
  }
  const { text } = decodeText(bytes);
  try {
    if (text === null || !PEM_CERTIFICATE.test(text)) {
      return Buffer.from(new X509Certificate(bytes).toString());
    }
    // Fails if the first certificate of the file is damaged.
    new X509Certificate(text);
    return Buffer.from(text);
  } catch (cause) {
    throw new HeadlandError('HL_MQTT_TLS_FILE', `${path} holds no certificate`, {
      remedy:
        'Correct mqtt.caFile or mqtt.certFile: the file must hold certificates, in PEM or DER.',
      cause,
    });
  }
}

/**
 * @throws HeadlandError HL_MQTT_TLS_FILE when the key is unreadable or belongs to another
 * certificate
 */
export function checkKey({ cert, key }: TlsFiles): void {
  if (key === undefined) return;
  try {
    createSecureContext({ key, ...(cert === undefined ? {} : { cert }) });
  } catch (cause) {
    const message = `mqtt.key cannot be used with mqtt.certFile: ${messageOf(cause)}`;
    throw new HeadlandError('HL_MQTT_TLS_FILE', message, {
      remedy:
        'Give the key that belongs to the certificate, in PEM and without a passphrase: openssl pkey -in KEY -out NEW.',
      cause,
    });
  }
}
