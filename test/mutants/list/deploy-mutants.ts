import type { Mutant } from '../mutant.js';

const ACCESS = 'deploy/mosquitto/access';
const SCRIPT = 'deploy/mosquitto/certificates.sh';
const APART = [{ file: 'test/deploy/mosquitto.test.ts', names: 'keeps robots apart' }];
const LOST = [{ file: 'test/deploy/mosquitto.test.ts', names: 'lets in nobody' }];
const SCRIPT_TESTS = [
  { file: 'test/deploy/mosquitto.test.ts', names: 'gives nobody the rights of another' },
];
const YARD = 'deploy/fleet/yard';
const YARD_FLEET = [{ file: 'test/deploy/yard/fleet-yard.test.ts', names: 'make a fleet' }];
const YARD_RESTART = [{ file: 'test/deploy/yard/fleet-yard.test.ts', names: 'a restart of' }];
const YARD_SAVES = [{ file: 'test/deploy/yard/fleet-yard.test.ts', names: 'saves by itself' }];
const YARD_COMPOSE = [{ file: 'test/deploy/yard/yard-compose.test.ts' }];
const YARD_SETUP = [{ file: 'test/deploy/yard/yard-setup.test.ts' }];
const FLEET = 'deploy/fleet/fleet';
const FLEET_SCRIPT = (names: string) => [
  { file: 'test/deploy/fleet/robots-script.test.ts', names },
];
const FLEET_DATABASE = [
  { file: 'test/deploy/fleet/large-fleet.test.ts', names: 'PostgreSQL from' },
];
const FLEET_CLUSTER = [
  { file: 'test/deploy/fleet/large-fleet.test.ts', names: 'three nodes of RabbitMQ' },
];

export const DEPLOY_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a "+" of the access list is one level in RabbitMQ',
    file: `${FLEET}/robots.sh`,
    text: "+) translated+='[.][^.#]+' ;;",
    replacement: "+) translated+='[.].+' ;;",
    tests: FLEET_SCRIPT('what the access list gives'),
  },
  {
    promise: 'a robot has its own queues alone in RabbitMQ',
    file: `${FLEET}/robots.sh`,
    text: 'ids="headland-($1|',
    replacement: 'ids="headland-(.*|',
    tests: FLEET_SCRIPT('its own queues alone'),
  },
  {
    promise: 'who has no right to a topic may use none in RabbitMQ',
    file: `${FLEET}/robots.sh`,
    text: '${allowed:-(?!)}',
    replacement: '${allowed:-.*}',
    tests: FLEET_SCRIPT('cannot translate'),
  },
  {
    promise: 'no robot has the client id of a program',
    file: `${FLEET}/robots.sh`,
    text: 'hub-* | doctor-* | status-* | send-*)',
    replacement: 'nothing-else)',
    tests: FLEET_SCRIPT('refuses names'),
  },
  {
    promise: 'RabbitMQ has no user guest, and mirrors queues',
    file: `${FLEET}/rabbitmq/rabbitmq.conf`,
    text: 'load_definitions = /etc/rabbitmq/headland/definitions.json',
    replacement: '',
    tests: FLEET_CLUSTER,
  },
  {
    promise: 'the store of a large fleet takes no connection without TLS',
    file: `${FLEET}/postgresql/pg_hba.conf`,
    text: 'hostssl headland  headland',
    replacement: 'host headland  headland',
    tests: FLEET_DATABASE,
  },
  {
    promise: 'the hub sends the password of its store',
    file: 'src/fleet/hub/store/sql/postgres-sql.ts',
    text: 'password === null ? url : withPassword(url, password)',
    replacement: 'url',
    tests: FLEET_DATABASE,
  },
  {
    promise: 'a server does not get the name of a user',
    file: SCRIPT,
    text: `! is_user "$1" || fail "'$1' is the broker`,
    replacement: `true || fail "'$1' is the broker`,
    tests: SCRIPT_TESTS,
  },
  {
    promise: 'no certificate takes the place of the key of the authority',
    file: SCRIPT,
    text: '[ "$1" != ca ] ||',
    replacement: 'true ||',
    tests: SCRIPT_TESTS,
  },
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
  {
    promise: 'a robot gives sums in its own name alone',
    file: ACCESS,
    text: 'pattern write headland/%u/fleet/chunk',
    replacement: 'pattern write headland/+/fleet/chunk',
    tests: YARD_FLEET,
  },
  {
    promise: 'a robot does not say for the hub what it has to do',
    file: ACCESS,
    text: 'pattern read headland/%u/fleet/desired',
    replacement: 'pattern readwrite headland/%u/fleet/desired',
    tests: YARD_FLEET,
  },
  {
    promise: 'the hub sees no prediction',
    file: ACCESS,
    text: 'topic read headland/+/fleet/want',
    replacement: 'topic read headland/+/fleet/want\ntopic read headland/+/prediction',
    tests: YARD_FLEET,
  },
  {
    promise: 'the hub sees no command',
    file: ACCESS,
    text: 'topic read headland/+/fleet/reported',
    replacement: 'topic read headland/+/fleet/reported\ntopic read headland/+/cmd/+',
    tests: YARD_FLEET,
  },
  {
    promise: 'the hub sends no command',
    file: ACCESS,
    text: 'topic write headland/+/fleet/part',
    replacement: 'topic write headland/+/fleet/part\ntopic write headland/+/cmd/+',
    tests: YARD_FLEET,
  },
  {
    promise: 'a restart of the broker of a yard loses no report and no command',
    file: `${YARD}/mosquitto.conf`,
    text: 'persistence true',
    replacement: 'persistence false',
    tests: YARD_RESTART,
  },
  {
    promise: 'the broker of a yard saves as often as the guide says',
    file: `${YARD}/mosquitto.conf`,
    text: 'autosave_interval 60',
    replacement: 'autosave_interval 1800',
    tests: YARD_SAVES,
  },
  {
    promise: 'the state of the broker survives its container',
    file: `${YARD}/compose.yaml`,
    text: 'broker:/mosquitto/data',
    replacement: 'broker:/mosquitto/log',
    tests: YARD_COMPOSE,
  },
  {
    promise: 'robots reach the broker of a yard',
    file: `${YARD}/compose.yaml`,
    text: '"8883:8883"',
    replacement: '"1883:8883"',
    tests: YARD_COMPOSE,
  },
  {
    promise: 'a yard runs the broker that was chosen',
    file: `${YARD}/compose.yaml`,
    text: 'eclipse-mosquitto:2.0.22',
    replacement: 'eclipse-mosquitto:2',
    tests: YARD_COMPOSE,
  },
  {
    promise: 'the hub of a yard knows the broker by the name of its service',
    file: `${YARD}/hub.yaml`,
    text: 'mqtts://broker:8883',
    replacement: 'mqtts://mosquitto:8883',
    tests: YARD_COMPOSE,
  },
  {
    promise: 'the hub of a yard needs no samples before the first head',
    file: `${YARD}/hub.yaml`,
    text: 'basisDirections: all',
    replacement: 'basisDirections: 256',
    tests: YARD_COMPOSE,
  },
  {
    promise: 'the key of the hub is for the hub alone',
    file: `${YARD}/setup.sh`,
    text: 'put 400 "$authority/hub.key" hub',
    replacement: 'put 644 "$authority/hub.key" hub',
    tests: YARD_SETUP,
  },
  {
    promise: 'the hub of a yard can verify the broker',
    file: `${YARD}/setup.sh`,
    text: 'certificates broker "$service" "${others[@]}"',
    replacement: 'certificates broker "${others[@]}"',
    tests: YARD_SETUP,
  },
  {
    promise: 'a user gets no lines of a robot',
    file: `${YARD}/setup.sh`,
    text: '! grep -qxF "user $1" "$mosquitto/access"',
    replacement: 'true',
    tests: YARD_SETUP,
  },
  {
    promise: 'the Debian package holds no key of its maker',
    file: 'deploy/deb/files.mjs',
    text: '.filter((path) => !SECRET.test(path))',
    replacement: '',
    tests: [{ file: 'test/deploy/package-files.test.ts', names: 'without keys' }],
  },
];
