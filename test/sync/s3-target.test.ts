import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { bucketUrl, S3Target } from '../../src/sync/s3/s3-target.js';
import { hasCode } from '../errors.js';
import { TEST_HANG_MS } from '../liveness.js';
import {
  BUCKET,
  cutOff,
  type Fault,
  failing,
  halfAnswer,
  KEYS,
  REGION,
  S3Server,
  silent,
} from './s3-server.js';

const ONE = {
  picture: { name: 'a.jpg', bytes: Buffer.from('picture') },
  sidecar: { name: 'a.sample.json', text: '{"label":"weed"}\n' },
};
const CREDENTIALS = { ...KEYS, sessionToken: null };

function targetOf(store: { endpoint: string }, given: object = {}, credentials = {}): S3Target {
  const settings = { region: REGION, pathStyle: null, bucket: BUCKET, prefix: 'p/r1/' };
  return new S3Target(
    { ...settings, endpoint: store.endpoint, timeoutMs: 1_000, ...given },
    { ...CREDENTIALS, ...credentials },
  );
}

function send(target: S3Target, signal = new AbortController().signal): Promise<void> {
  return target.send([ONE], signal).finally(() => target.close());
}

async function codeOf(sending: Promise<void>): Promise<string> {
  try {
    await sending;
  } catch (error) {
    if (isHeadlandError(error)) return error.code;
    throw error;
  }
  return 'sent';
}

test('picture, then metadata, signed and with their types', async (t) => {
  const store = await S3Server.start(t);
  await send(targetOf(store));
  assert.deepEqual(
    store.puts.map(({ key, type, body }) => [key, type, body.toString()]),
    [
      ['p/r1/a.jpg', 'image/jpeg', 'picture'],
      ['p/r1/a.sample.json', 'application/json', ONE.sidecar.text],
    ],
  );
});

test('a session token is signed with the request', async (t) => {
  const store = await S3Server.start(t);
  store.sessionToken = KEYS.sessionToken;
  await send(targetOf(store, {}, { sessionToken: KEYS.sessionToken }));
  assert.equal(store.puts.length, 2);
  assert.equal(await codeOf(send(targetOf(store))), 'HL_SYNC_DENIED');
});

test('the bucket stands in the path of an endpoint, and in the host name at Amazon', () => {
  const at = (endpoint: string | null, pathStyle: boolean | null) =>
    bucketUrl({ endpoint, region: 'eu-west-3', pathStyle, bucket: 'b' }).href;
  assert.equal(at(null, null), 'https://b.s3.eu-west-3.amazonaws.com/');
  assert.equal(at(null, true), 'https://s3.eu-west-3.amazonaws.com/b/');
  assert.equal(at('http://10.0.0.2:9000', null), 'http://10.0.0.2:9000/b/');
  assert.equal(at('https://s3.farm', false), 'https://b.s3.farm/');
});

test('every refusal has its own code', { timeout: TEST_HANG_MS }, async (t) => {
  const store = await S3Server.start(t);
  const said = (status: number, code: string) => failing(status, code, 'no');
  const cases: [Fault, string][] = [
    [said(403, 'AccessDenied'), 'HL_SYNC_DENIED'],
    [said(400, 'ExpiredToken'), 'HL_SYNC_DENIED'],
    [said(404, 'NoSuchBucket'), 'HL_SYNC_TARGET_MISSING'],
    [said(301, 'PermanentRedirect'), 'HL_SYNC_REGION_WRONG'],
    [said(507, 'XMinioStorageFull'), 'HL_SYNC_TARGET_FULL'],
    [said(403, 'QuotaExceeded'), 'HL_SYNC_TARGET_FULL'],
    [said(400, 'EntityTooLarge'), 'HL_SYNC_REFUSED'],
    [said(500, 'InternalError'), 'HL_SYNC_SERVER'],
    [said(503, 'SlowDown'), 'HL_SYNC_SERVER'],
    [said(400, 'BadDigest'), 'HL_SYNC_SERVER'],
    [silent, 'HL_SYNC_UNREACHABLE'],
    [cutOff, 'HL_SYNC_UNREACHABLE'],
    [halfAnswer, 'HL_SYNC_UNREACHABLE'],
  ];
  for (const [fault, code] of cases) {
    store.fault = () => fault;
    assert.equal(await codeOf(send(targetOf(store))), code);
  }
  assert.deepEqual(store.puts, []);
});

test('a store that does not answer is given up after the time-out', async (t) => {
  const store = await S3Server.start(t);
  store.fault = () => silent;
  await assert.rejects(send(targetOf(store)), /no answer within 1 s/);
});

test('wrong keys and a wrong region are refused by the store itself', async (t) => {
  const store = await S3Server.start(t);
  const wrong = (given: object, credentials: object) =>
    codeOf(send(targetOf(store, given, credentials)));
  assert.equal(await wrong({}, { secretAccessKey: 'other' }), 'HL_SYNC_DENIED');
  assert.equal(await wrong({ region: 'us-east-1' }, {}), 'HL_SYNC_REGION_WRONG');
  assert.equal(await wrong({ bucket: 'another' }, {}), 'HL_SYNC_TARGET_MISSING');
});

test('a message of the store does not show the key that it repeats', async (t) => {
  const store = await S3Server.start(t);
  store.fault = () => failing(403, 'InvalidAccessKeyId', `The key ${KEYS.accessKeyId} is unknown`);
  await assert.rejects(send(targetOf(store)), (error) => {
    assert.ok(isHeadlandError(error, 'HL_SYNC_DENIED'));
    assert.match(error.message, /The key \[redacted\] is unknown/);
    return true;
  });
});

test('a wrong clock is named with its difference', async (t) => {
  const store = await S3Server.start(t);
  store.clockAheadMs = 90 * 60_000;
  await assert.rejects(send(targetOf(store)), (error) => {
    assert.ok(isHeadlandError(error, 'HL_SYNC_CLOCK_WRONG'));
    assert.match(error.message, /is 90 minutes behind that of the server/);
    return true;
  });
});

test('one error on the way is no failure', async (t) => {
  const store = await S3Server.start(t);
  for (const fault of [cutOff, halfAnswer, failing(503, 'SlowDown', 'slow')]) {
    let faults = [fault];
    store.fault = () => faults.pop() ?? null;
    await send(targetOf(store));
    faults = [];
  }
  assert.equal(store.puts.length, 6);
});

test('an interruption ends a request that hangs', { timeout: TEST_HANG_MS }, async (t) => {
  const store = await S3Server.start(t);
  const abort = new AbortController();
  store.fault = () => () => abort.abort();
  const target = targetOf(store, { timeoutMs: 3_600_000 });
  await assert.rejects(send(target, abort.signal), hasCode('HL_SYNC_CANCELLED'));
});

test('nothing listens there', async (t) => {
  const store = await S3Server.start(t);
  const { endpoint } = store;
  const closed = { endpoint: endpoint.replace(/\d+$/, '1') };
  assert.equal(await codeOf(send(targetOf(closed))), 'HL_SYNC_UNREACHABLE');
});
