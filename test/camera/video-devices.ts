import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { VideoDevicePlaces } from '../../src/camera/open-driver.js';
import { temporaryFolder } from '../temporary-folder.js';

interface Node {
  index: number;
  /** usb, platform, or null for a virtual device. */
  bus: string | null;
}

/** Folders as Linux shows them below /sys/class/video4linux and /dev. */
export function videoDevices(t: TestContext, nodes: Record<string, Node>): VideoDevicePlaces {
  const root = temporaryFolder(t);
  const places = { sysDir: join(root, 'video4linux'), devDir: join(root, 'dev') };
  mkdirSync(places.devDir, { recursive: true });
  for (const [name, { index, bus }] of Object.entries(nodes)) {
    const directory = join(places.sysDir, name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'index'), `${index}\n`);
    writeFileSync(join(places.devDir, name), '');
    if (!bus) continue;
    mkdirSync(join(directory, 'device'));
    mkdirSync(join(root, 'bus', bus), { recursive: true });
    symlinkSync(join(root, 'bus', bus), join(directory, 'device', 'subsystem'));
  }
  return places;
}
