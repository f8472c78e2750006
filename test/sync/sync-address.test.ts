import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { configSchema } from '../../src/config/schema.js';
import { parseSyncAddress } from '../../src/sync/sync-address.js';

const accepts = (sync: object): boolean => configSchema.safeParse({ sync }).success;

test('off by default: no target, and only labelled samples once there is one', () => {
  const { target, send } = configSchema.parse({}).sync;
  assert.deepEqual([target, send], [null, 'labelled']);
});

test('targets are taken apart', () => {
  const s3 = (bucket: string, prefix: string) => ({ kind: 's3', bucket, prefix });
  const cases: [target: string, address: object][] = [
    ['s3://farm', s3('farm', '')],
    ['s3://farm/', s3('farm', '')],
    ['s3://farm.eu/season-1/a.b/', s3('farm.eu', 'season-1/a.b/')],
    ['rsync://nas/pictures', { kind: 'daemon', destination: 'rsync://nas/pictures/' }],
    [
      'rsync://u@[fd00::1]:8730/m/a/',
      { kind: 'daemon', destination: 'rsync://u@[fd00::1]:8730/m/a/' },
    ],
    ['nas:/srv/pictures', { kind: 'ssh', destination: 'nas:/srv/pictures/' }],
    ['u@nas.farm:pictures/', { kind: 'ssh', destination: 'u@nas.farm:pictures/' }],
    ['u@nas:~/pictures', { kind: 'ssh', destination: 'u@nas:~/pictures/' }],
    ['u@nas:/', { kind: 'ssh', destination: 'u@nas:/' }],
  ];
  for (const [target, address] of cases) {
    assert.ok(accepts({ target }), target);
    assert.deepEqual(parseSyncAddress(target), address);
  }
});

test('nothing that a shell, rsync, ssh or a URL would take for something else', () => {
  for (const target of [
    '',
    's3://',
    's3://Farm',
    's3://farm/a/../b',
    's3://farm/./b',
    's3://farm//b',
    's3://farm/ä',
    's3://farm/a?versionId=1',
    's3://key:secret@farm/a',
    'rsync://u:p@nas/m',
    'rsync://nas',
    'rsync://nas/m/$(id)',
    'rsync://-oProxyCommand=id/m',
    '-e:sh',
    'u@-oProxyCommand=id:x',
    'u@nas:a b',
    'u@nas:a;id',
    'u@nas:`id`',
    'u@nas::module',
    '/srv/pictures',
    'ftp://nas/x',
  ]) {
    assert.equal(accepts({ target }), false, target);
  }
  for (const path of ['key', '/a b', "/a'b", '/a%h', '/a"b', '/a\\b', '/a\nb']) {
    assert.equal(accepts({ rsync: { sshKeyFile: path } }), false, path);
  }
  for (const endpoint of ['minio', 'https://u:p@minio', 'https://minio/path', 'ftp://minio']) {
    assert.equal(accepts({ s3: { endpoint } }), false, endpoint);
  }
});

test('an accepted target never begins with "-" and holds no special character', () => {
  const part = fc.string({
    unit: fc.constantFrom(...'aZ9._-~/:@ ;$`\'"\\%*?&|<>()\n'),
    maxLength: 8,
  });
  const scheme = fc.constantFrom('', 's3://', 'rsync://', 'u@');
  fc.assert(
    fc.property(scheme, fc.array(part, { maxLength: 4 }), (start, parts) => {
      const target = start + parts.join('/');
      if (accepts({ target })) assert.match(target, /^[A-Za-z0-9_][A-Za-z0-9_.~@:/[\]-]*$/);
    }),
    { numRuns: 2_000 },
  );
});
