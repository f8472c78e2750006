import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkMemory } from '../../../src/agent/doctor/board/check-memory.js';
import { checkTemperature } from '../../../src/agent/doctor/board/check-temperature.js';
import { checkWear } from '../../../src/agent/doctor/board/check-wear.js';
import { robotContext } from '../../agent/doctor/context.js';
import { libfaketime, withoutFaketime } from '../../host/faketime.js';
import type { DoctorScenario, Patient } from './doctor-scenario.js';
import { withoutMounts } from './field.js';

const isRoot = process.getuid?.() === 0;

/** A file system of its own for the state. */
function mountState({ t, robot }: Patient, options: string): void {
  robot.mountState(options);
  t.after(() => robot.unmountState());
}

/** Kernel files of a board whose state is on an eMMC or an SD card. */
function card(patient: Patient, files: Record<string, string>): void {
  const { robot } = patient;
  robot.write('proc/self/mountinfo', '21 1 179:2 / / rw,noatime - ext4 /dev/mmcblk0p2 rw\n');
  robot.write('sys/block/mmcblk0/size', '62333952\n');
  for (const [path, text] of Object.entries(files)) robot.write(`sys/${path}`, `${text}\n`);
}

const lookAtWear: DoctorScenario['look'] = ({ robot }) =>
  checkWear(robotContext(robot.configFile, { proc: robot.path('proc'), sys: robot.path('sys') }));

function zone({ robot }: Patient, milliC: number, throttled = '0'): void {
  robot.write('sys/class/thermal/thermal_zone0/temp', `${milliC}\n`);
  robot.write('sys/devices/platform/soc/soc:firmware/get_throttled', `${throttled}\n`);
}

const lookAtTemperature: DoctorScenario['look'] = ({ robot }) =>
  checkTemperature(robotContext(robot.configFile, { sys: robot.path('sys') }));

export const boardFindings: DoctorScenario[] = [
  {
    code: 'HL_CLOCK_UNSET',
    when: 'in 1970',
    follows: 'or set the date by hand',
    check: 'clock',
    state: 'failed',
    skip: withoutFaketime,
    given: ({ env }) => {
      env.LD_PRELOAD = libfaketime;
      env.FAKETIME = '@1970-01-01 00:00:30';
      env.FAKETIME_DONT_FAKE_MONOTONIC = '1';
    },
    follow: (patient) => {
      patient.env = {};
    },
  },
  {
    code: 'HL_CLOCK_UNSET',
    when: 'set by nobody',
    follows: 'Connect the board to a time server',
    check: 'clock',
    state: 'warning',
    given: (patient) => patient.tool('timedatectl', 'echo no'),
    follow: (patient) => patient.tool('timedatectl', 'echo yes'),
  },
  {
    code: 'HL_DOCTOR_DISK_LOW',
    when: 'full',
    follows: 'to a folder on a larger one',
    check: 'disk',
    state: 'failed',
    subject: 'paths.stateDir',
    skip: withoutMounts,
    given: (patient) => mountState(patient, 'size=1m'),
    follow: ({ robot }) => robot.configure({ paths: { stateDir: robot.path('larger') } }),
  },
  {
    code: 'HL_DOCTOR_DISK_LOW',
    when: 'nearly full',
    follows: 'Free space on this disk',
    check: 'disk',
    state: 'warning',
    skip: withoutMounts,
    given: (patient) => {
      mountState(patient, 'size=600m');
      patient.robot.configure({ samples: { maxPictureStoreBytes: 100_000_000 } });
      execFileSync('fallocate', ['-l', '200m', join(patient.robot.stateDir, 'big')]);
    },
    follow: ({ robot }) => execFileSync('rm', [join(robot.stateDir, 'big')]),
  },
  {
    code: 'HL_DOCTOR_DISK_LOW',
    when: 'without file entries',
    follows: 'Free space on this disk',
    check: 'disk',
    state: 'failed',
    skip: withoutMounts,
    given: (patient) => {
      mountState(patient, 'size=1g,nr_inodes=2000');
      patient.robot.configure({ samples: { maxPictureStoreBytes: 100_000_000 } });
      assert.throws(() => {
        for (let i = 0; ; i += 1) writeFileSync(join(patient.robot.stateDir, `f${i}`), '');
      }, /ENOSPC/);
    },
    follow: ({ robot }) => execFileSync('sh', ['-c', `rm ${robot.stateDir}/f*`]),
  },
  {
    code: 'HL_DOCTOR_DISK_READ_ONLY',
    follows: 'mount -o remount,rw',
    check: 'disk',
    state: 'failed',
    skip: withoutMounts,
    given: (patient) => {
      mountState(patient, 'size=1g');
      patient.robot.configure({ samples: { maxPictureStoreBytes: 100_000_000 } });
      execFileSync('mount', ['-o', 'remount,ro', patient.robot.stateDir]);
    },
    follow: ({ robot }) => execFileSync('mount', ['-o', 'remount,rw', robot.stateDir]),
  },
  {
    code: 'HL_DOCTOR_QUOTA_TOO_LARGE',
    follows: 'Lower samples.maxPictureStoreBytes',
    check: 'disk',
    state: 'warning',
    settings: { samples: { maxPictureStoreBytes: 1_000_000_000_000_000 } },
    follow: ({ robot }) => robot.configure({ samples: { maxPictureStoreBytes: 1_000_000_000 } }),
  },
  {
    code: 'HL_DOCTOR_FOREIGN_FILES',
    follows: 'chown -R --reference=',
    check: 'disk',
    state: 'warning',
    skip: isRoot ? false : 'needs root, to give files away',
    given: ({ robot }) => {
      robot.write('state/heads/main/1/card.json', '{}');
      chownSync(robot.stateDir, 65_534, 65_534);
    },
    follow: (_, { remedy }) => execFileSync('sh', ['-c', remedy!.replace(/^Run: /, '')]),
  },
  {
    code: 'HL_DISK_WORN',
    when: 'beyond its life',
    follows: 'Copy paths.stateDir to a new card or drive',
    check: 'wear',
    state: 'failed',
    given: (patient) =>
      card(patient, {
        'block/mmcblk0/device/life_time': '0x0b 0x02',
        'block/mmcblk0/device/pre_eol_info': '0x01',
      }),
    look: lookAtWear,
    follow: (patient) => card(patient, { 'block/mmcblk0/device/life_time': '0x01 0x01' }),
  },
  {
    code: 'HL_DISK_WORN',
    when: 'few spare blocks',
    follows: 'Copy paths.stateDir to a new card or drive',
    check: 'wear',
    state: 'warning',
    given: (patient) => card(patient, { 'block/mmcblk0/device/pre_eol_info': '0x02' }),
    look: lookAtWear,
    follow: (patient) => card(patient, { 'block/mmcblk0/device/pre_eol_info': '0x01' }),
  },
  {
    code: 'HL_DISK_WORN',
    when: 'errors',
    follows: 'e2fsck on the unmounted file system resets its errors',
    check: 'wear',
    state: 'warning',
    given: (patient) => card(patient, { 'fs/ext4/mmcblk0p2/errors_count': '3' }),
    look: lookAtWear,
    // fsck resets the count.
    follow: (patient) => card(patient, { 'fs/ext4/mmcblk0p2/errors_count': '0' }),
  },
  {
    code: 'HL_BOARD_HOT',
    follows: 'Improve the cooling of the board',
    check: 'temperature',
    state: 'warning',
    given: (patient) => zone(patient, 81_500),
    look: lookAtTemperature,
    follow: (patient) => zone(patient, 52_000),
  },
  {
    code: 'HL_BOARD_HOT',
    when: 'throttled',
    follows: 'Improve the cooling of the board',
    check: 'temperature',
    state: 'warning',
    given: (patient) => zone(patient, 70_000, '4'),
    look: lookAtTemperature,
    // What the firmware remembers since the start is no fault now.
    follow: (patient) => zone(patient, 70_000, '40000'),
  },
  {
    code: 'HL_BOARD_UNDERVOLTAGE',
    follows: 'Use a stronger power supply',
    check: 'temperature',
    state: 'warning',
    given: (patient) => zone(patient, 52_000, '1'),
    look: lookAtTemperature,
    follow: (patient) => zone(patient, 52_000, '0'),
  },
  {
    code: 'HL_DOCTOR_MEMORY_LOW',
    follows: 'End other programs',
    check: 'memory',
    state: 'warning',
    given: ({ robot }) =>
      robot.write('proc/meminfo', 'MemTotal: 900000 kB\nMemAvailable:   40000 kB\n'),
    look: ({ robot }) => checkMemory(robotContext(robot.configFile, { proc: robot.path('proc') })),
    follow: ({ robot }) =>
      robot.write('proc/meminfo', 'MemTotal: 900000 kB\nMemAvailable:   400000 kB\n'),
  },
];
