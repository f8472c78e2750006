import { createHash, createHmac } from 'node:crypto';

/** Verifies AWS Signature Version 4, written from Amazon's documentation. */

export interface SignedRequest {
  method: string;
  /** As on the wire: with its query. */
  target: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

const sha256 = (data: Uint8Array | string): string =>
  createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest();

export interface Authorisation {
  accessKeyId: string;
  date: string;
  region: string;
  service: string;
  signedHeaders: string[];
  signature: string;
}

export function readAuthorisation(header: string): Authorisation | null {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (!found) return null;
  const [, accessKeyId, date, region, service, signedHeaders, signature] = found;
  return {
    accessKeyId: accessKeyId!,
    date: date!,
    region: region!,
    service: service!,
    signedHeaders: signedHeaders!.split(';'),
    signature: signature!,
  };
}

/** The signature that the holder of the secret makes. */
export function signatureOf(request: SignedRequest, by: Authorisation, secret: string): string {
  const [path = '', query = ''] = request.target.split('?');
  const canonical = [
    request.method,
    path,
    query.split('&').sort().join('&'),
    ...by.signedHeaders.map((name) => `${name}:${request.headers[name]?.trim() ?? ''}`),
    '',
    by.signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
  const scope = `${by.date}/${by.region}/${by.service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)];
  const key = [by.date, by.region, by.service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${secret}`,
  );
  return hmac(key, text.join('\n')).toString('hex');
}
