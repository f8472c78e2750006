// Installs, runs, upgrades, downgrades, removes and purges the Debian packages in roots of the
// distributions, each without a network: `npm run test:deb [-- ROOT …]`. Needs root, mmdebstrap and
// unshare; for arm64 on another machine also qemu-user-static. The last line is JSON.
//
// HEADLAND_DEB_ROOTS names a folder that keeps the roots as NAME.tar for the next run.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const project = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
const NEXT = `${version}+next`;
const DEBIAN = {
  mirror: 'http://deb.debian.org/debian',
  keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
};
const UBUNTU = {
  mirror: 'http://archive.ubuntu.com/ubuntu',
  keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
};
const ROOTS = [
  { name: 'debian12-amd64', suite: 'bookworm', arch: 'amd64', ...DEBIAN },
  { name: 'debian13-amd64', suite: 'trixie', arch: 'amd64', ...DEBIAN },
  { name: 'ubuntu2204-amd64', suite: 'jammy', arch: 'amd64', ...UBUNTU },
  { name: 'ubuntu2404-amd64', suite: 'noble', arch: 'amd64', ...UBUNTU },
  { name: 'debian13-arm64', suite: 'trixie', arch: 'arm64', ...DEBIAN },
];

const work = mkdtempSync(join(tmpdir(), 'headland-deb-'));
const kept = process.env.HEADLAND_DEB_ROOTS ?? work;
const results = { steps: 0, failed: [], skipped: [], roots: [] };

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64_000_000,
    ...options,
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${error ?? status}\n${stdout}\n${stderr}`);
  }
  return stdout;
}

/** A root of a distribution as a tar archive; a reason where it cannot be had. */
function rootArchive({ name, suite, arch, mirror, keyring }) {
  const archive = join(kept, `${name}.tar`);
  if (existsSync(archive)) return archive;
  if (!existsSync(keyring)) throw new Error(`${keyring} is missing`);
  const source = `deb [signed-by=${keyring}] ${mirror} ${suite} main`;
  const make = [
    'mmdebstrap',
    '--quiet',
    '--mode=root',
    '--variant=minbase',
    '--include=apt,systemd,libstdc++6',
  ];
  // In a mount namespace of its own, whatever becomes of it.
  const isolated = ['--mount', '--propagation', 'private'];
  run('unshare', [...isolated, ...make, `--architectures=${arch}`, suite, archive, source]);
  return archive;
}

/** The package again as the next version. */
function nextVersion(deb, arch) {
  const next = join(work, 'debs', `headland_${NEXT}_${arch}.deb`);
  run('bash', [join(project, 'test/deploy/next-version.sh'), deb, NEXT, next]);
}

/** Two classes that any network tells apart. */
async function drawPhotos(folder) {
  const classes = { dark: 40, light: 210 };
  for (const [label, shade] of Object.entries(classes)) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let i = 0; i < 6; i++) {
      const background = { r: shade, g: shade + 5 * i, b: 255 - shade };
      const create = {
        width: 320,
        height: 320,
        channels: 3,
        background,
        noise: { type: 'gaussian', mean: shade, sigma: 10 + i },
      };
      const photo = await sharp({ create }).jpeg().toBuffer();
      writeFileSync(join(folder, label, `${label}${i}.jpg`), photo);
    }
  }
}

/** Runs the daemon until it has classified frames, asks it, and ends it. */
const DAEMON = `
headland run --config /etc/headland/headland.yaml >/root/log 2>&1 & pid=$!
for i in $(seq 300); do
  headland status --json >/root/status 2>/dev/null && grep -q '"frames_total":[1-9]' /root/status && break
  sleep 1
done
kill -TERM $pid; wait $pid; echo "ended $?"; cat /root/status; cat /root/log`;

function stepsOf(root, { arch }) {
  const inside = (script) =>
    run('unshare', [
      ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--propagation', 'private'],
      ...['bash', '-c'],
      'mount -t proc proc "$0/proc" && ip link set lo up && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$0" sh -euc "$1"',
      root,
      script,
    ]);
  const wants = (text, pattern) => {
    if (!pattern.test(text)) throw new Error(`${pattern} is not in: ${text.slice(-3_000)}`);
  };
  const config = join(root, 'etc/headland/headland.yaml');
  const apt = 'apt-get install -y --no-install-recommends --allow-downgrades';
  const main = (which) => `/root/debs/headland_${which}_${arch}.deb`;
  const backbone = `/root/debs/headland-backbone-efficientnet-lite0-288_${version}_all.deb`;
  const serves = (of) => {
    wants(inside('headland --version'), new RegExp(`^${of.replaceAll(/[+.]/g, '\\$&')}\n`));
    const said = inside(DAEMON);
    wants(said, /ended 0\n/);
    wants(said, /"version":1,"msg":"head serving"/);
    wants(said, /"frames_total":[1-9]/);
    wants(readFileSync(config, 'utf8'), /# mine/);
  };
  return {
    'install without a network': () => inside(`${apt} ${main(version)} ${backbone}`),
    'a robot id of its own': () =>
      wants(readFileSync(config, 'utf8'), /^ {2}id: [a-z0-9-]+-[0-9a-f]{6} #/m),
    'the configuration is valid': () => inside('headland config check'),
    'the unit, its groups and its documents': () => {
      inside(
        'getent group gpio video; test -L /etc/systemd/system/multi-user.target.wants/headland.service',
      );
      const unit = inside('cat /usr/lib/systemd/system/headland.service');
      for (const [, path] of unit.matchAll(
        /^(?:Documentation=file:\/\/|ExecStart=|EnvironmentFile=-?)(\/[^\s]+)/gm,
      )) {
        inside(`test -e ${path}`);
      }
      const complaints = inside(
        'systemd-analyze verify /usr/lib/systemd/system/headland.service 2>&1 | grep headland || true',
      );
      if (complaints !== '') throw new Error(complaints);
    },
    'images are imported and a head is trained': () => {
      appendFileSync(config, '\n# mine\n');
      const text = readFileSync(config, 'utf8');
      writeFileSync(config, text.replace('augmentation:', 'augmentation:\n  views: 1'));
      inside('headland import /root/photos && headland train');
    },
    'the daemon sees and serves the head': () => serves(version),
    'TensorFlow.js is a package of its own, and trains a head': () => {
      const wanted = join(root, 'etc/headland/tf.yaml');
      const learners = 'training:\n  learners: [tf-layers]\n  everyNewLabels: 0\n';
      writeFileSync(wanted, `${readFileSync(config, 'utf8')}\n${learners}`);
      // A head that is no better than the serving one is refused, with an exit code of its own.
      const train = () => inside('headland train --config /etc/headland/tf.yaml 2>&1 || true');
      wants(train(), /HL_TFJS_UNAVAILABLE/);
      inside(`${apt} /root/debs/headland-tfjs_${version}_all.deb`);
      wants(train(), /^head 2 \(tf-layers\)/m);
      inside('apt-get purge -y headland-tfjs && rm /etc/headland/tf.yaml');
      inside('! test -e /usr/lib/headland/node_modules/@tensorflow && headland config check');
    },
    'upgrade keeps all': () => {
      inside(`${apt} ${main(NEXT)}`);
      serves(NEXT);
    },
    'downgrade keeps all': () => {
      inside(`${apt} ${main(version)}`);
      serves(version);
    },
    'remove keeps data and configuration': () => {
      inside('apt-get remove -y headland');
      inside('! test -e /usr/bin/headland && test -e /var/lib/headland/headland.db');
      wants(readFileSync(config, 'utf8'), /# mine/);
    },
    'installed again, it goes on': () => {
      inside(`${apt} ${main(version)}`);
      serves(version);
    },
    'purge leaves nothing': () => {
      inside('apt-get purge -y headland headland-backbone-efficientnet-lite0-288');
      const left = inside(
        'find / -xdev -iname "*headland*" ! -path "/root/*" ! -path "/proc/*" ! -path "/tmp/*" || true',
      );
      if (left !== '') throw new Error(left);
    },
  };
}

function tryRoot(spec) {
  const root = join(work, 'root');
  mkdirSync(root);
  try {
    run('tar', ['-xf', rootArchive(spec), '-C', root]);
  } catch (error) {
    results.skipped.push(spec.name);
    process.stderr.write(`${spec.name}: skipped: ${error.message.trim().split('\n').at(-1)}\n`);
    rmSync(root, { recursive: true });
    return;
  }
  cpSync(join(work, 'photos'), join(root, 'root/photos'), { recursive: true });
  mkdirSync(join(root, 'root/debs'));
  for (const deb of readdirSync(join(work, 'debs'))) {
    if (deb.includes('_all.') || deb.includes(`_${spec.arch}.`)) {
      cpSync(join(work, 'debs', deb), join(root, 'root/debs', deb));
    }
  }
  results.roots.push(spec.name);
  for (const [what, step] of Object.entries(stepsOf(root, spec))) {
    results.steps += 1;
    const started = performance.now();
    try {
      step();
      process.stderr.write(
        `${spec.name}: ${what}: ok, ${Math.round(performance.now() - started)} ms\n`,
      );
    } catch (error) {
      results.failed.push(`${spec.name}: ${what}`);
      process.stderr.write(`${spec.name}: ${what}: FAILED: ${error.message}\n`);
      // Without the first, the others would say nothing.
      if (what.startsWith('install')) break;
    }
  }
  rmSync(root, { recursive: true });
}

const wanted = process.argv.slice(2);
const specs = ROOTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
try {
  const debs = join(work, 'debs');
  mkdirSync(debs);
  const archs = [...new Set(specs.map(({ arch }) => arch))];
  const given = process.env.HEADLAND_DEBS;
  if (given) cpSync(given, debs, { recursive: true });
  else
    run('bash', [
      join(project, 'deploy/deb/build.sh'),
      '--level',
      '0',
      '--out',
      debs,
      ...archs,
      'backbone',
      'tfjs',
    ]);
  for (const arch of archs) nextVersion(join(debs, `headland_${version}_${arch}.deb`), arch);
  await drawPhotos(join(work, 'photos'));
  for (const spec of specs) tryRoot(spec);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.stdout.write(`${JSON.stringify(results)}\n`);
process.exitCode = results.failed.length > 0 || results.steps === 0 ? 1 : 0;
