import type { Session, Step } from './session.js';

const serves =
  'wait_until 180 is_active; message prediction >/dev/null; [ "$(head_version)" -ge 1 ]';

function install(file: string, version: string): string {
  return `
before=$(head_version)
apt-get install -y --no-install-recommends --allow-downgrades /host/${file}
[ "$(headland --version)" = '${version}' ]
${serves}
head_is $before`;
}

/** The package over its life, on a robot that has learned something. */
export const packageSteps: readonly Step[] = [
  {
    title: 'an upgrade keeps labels, configuration and the serving head',
    run: async (session) => {
      const { next, nextVersion } = session.packages;
      await session.sh(install(next, nextVersion));
    },
  },
  {
    title: 'a downgrade keeps them too',
    run: async (session) => {
      const { program, version } = session.packages;
      await session.sh(install(program, version));
    },
  },
  {
    title: 'remove keeps data and configuration; installed again, it goes on',
    run: async (session: Session) => {
      const { program } = session.packages;
      await session.sh(`
apt-get remove -y headland
refute test -e /usr/bin/headland
refute systemctl is-active headland
test -s /var/lib/private/headland/headland.db
grep -q robot7 /etc/headland/headland.yaml
line_is 17 0
apt-get install -y --no-install-recommends /host/${program}
${serves}`);
    },
  },
  {
    title: 'purge leaves nothing',
    run: async (session: Session) => {
      await session.sh(`
apt-get purge -y headland headland-backbone-efficientnet-lite0-288
left=$(find / -xdev -iname '*headland*' ! -path '/home/pi/*' ! -path '/proc/*')
[ -z "$left" ] || { echo "$left"; exit 1; }
refute systemctl cat headland`);
    },
  },
];
