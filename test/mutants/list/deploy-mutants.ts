import type { Mutant } from '../mutant.js';

const ACCESS = 'deploy/mosquitto/access';
const SCRIPT = 'deploy/mosquitto/certificates.sh';
const APART = [{ file: 'test/deploy/mosquitto.test.ts', names: 'keeps robots apart' }];
const LOST = [{ file: 'test/deploy/mosquitto.test.ts', names: 'lets in nobody' }];
const SCRIPT_TESTS = [
  { file: 'test/deploy/mosquitto.test.ts', names: 'gives nobody the rights of another' },
];

export const DEPLOY_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a robot writes no command, not even to itself',
    file: ACCESS,
    text: 'pattern write headland/%u/cmd/+/response',
    replacement: 'pattern write headland/%u/cmd/#',
    tests: APART,
  },
  {
    promise: 'a robot reads only its own commands',
    file: ACCESS,
    text: 'pattern read headland/%u/cmd/+',
    replacement: 'pattern read headland/+/cmd/+',
    tests: APART,
  },
  {
    promise: 'a robot writes only below its own name',
    file: ACCESS,
    text: 'pattern write headland/%u/status',
    replacement: 'pattern write headland/+/status',
    tests: APART,
  },
  {
    promise: 'a robot may write everything that it says',
    file: ACCESS,
    text: 'pattern write headland/%u/camera/quality',
    replacement: '#',
    tests: APART,
  },
  {
    promise: 'the name of the certificate is the user, whatever a client says',
    file: 'deploy/mosquitto/headland.conf',
    text: 'use_identity_as_username true',
    replacement: 'use_identity_as_username false',
    tests: APART,
  },
  {
    promise: 'the certificate of a lost robot is refused',
    file: 'deploy/mosquitto/headland.conf',
    text: 'crlfile /etc/mosquitto/headland/revoked.crl',
    replacement: '',
    tests: LOST,
  },
  {
    promise: 'no robot gets the name of a user',
    file: SCRIPT,
    text: '! is_user "$name" || fail',
    replacement: 'true || fail',
    tests: SCRIPT_TESTS,
  },
  {
    promise: 'the key of a robot makes no broker',
    file: SCRIPT,
    text: 'extendedKeyUsage = clientAuth',
    replacement: 'extendedKeyUsage = clientAuth, serverAuth',
    tests: SCRIPT_TESTS,
  },
];
