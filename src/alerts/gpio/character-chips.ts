import { codeOf, HeadlandError, messageOf } from '../../base/errors.js';
import { chooseLine, type KnownChip, type LineChoice } from './choose-line.js';
import type { Kernel } from './kernel.js';
import {
  CHIP_INFO_BYTES,
  decodeChipInfo,
  decodeLineInfo,
  decodeRequestedFd,
  encodeLineInfo,
  encodeLineRequest,
  GPIO_IOCTL,
  type InputRequest,
  type LineInfo,
  type OutputRequest,
} from './line-abi.js';

/** A GPIO chip with a character device. */
export interface CharacterChip extends KnownChip {
  /** "/dev/gpiochip0". */
  path: string;
  /** "gpiochip0": what the kernel calls it, whatever its path. No two chips share it. */
  name: string;
  infos: readonly LineInfo[];
  names: readonly (string | null)[];
}

/** A line that this process holds. The kernel frees it when the process ends, however it ends. */
export interface HeldLine {
  fd: number;
  /** "gpiochip0:17 GPIO17". */
  description: string;
  chip: CharacterChip;
}

/** More chips than any board has. */
const MAX_CHIPS = 256;

/**
 * The GPIO chips that this user may open, each once, in the order of their numbers.
 * @throws HeadlandError HL_GPIO_UNAVAILABLE when there is none
 */
export function listCharacterChips(kernel: Kernel): CharacterChip[] {
  const numbers = kernel
    .list('/dev')
    .flatMap((name) => /^gpiochip(\d{1,4})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .slice(0, MAX_CHIPS);
  // By the kernel's name: /dev/gpiochip4 of a Raspberry Pi 5 is a symbolic link to gpiochip0.
  const chips = new Map<string, CharacterChip>();
  const failures: unknown[] = [];
  for (const number of numbers) {
    try {
      const chip = readChip(kernel, `/dev/gpiochip${number}`);
      if (!chips.has(chip.name)) chips.set(chip.name, chip);
    } catch (error) {
      failures.push(error);
    }
  }
  if (chips.size > 0) return [...chips.values()];
  const [failure] = failures;
  throw new HeadlandError(
    'HL_GPIO_UNAVAILABLE',
    failure === undefined
      ? 'there is no GPIO chip below /dev'
      : `cannot read /dev/gpiochip${numbers[0]}: ${messageOf(failure)}`,
    { remedy: chipRemedy(failure), cause: failure },
  );
}

/** What to do when no chip could be opened. */
function chipRemedy(failure: unknown): string {
  if (failure === undefined) {
    return 'Load the driver of the GPIO chip, or set gpio.driver to none on a board without GPIO.';
  }
  if (codeOf(failure) === 'EACCES' || codeOf(failure) === 'EPERM') {
    return 'Add this user to the group gpio. If /dev/gpiochip0 belongs to another group, install the udev rule of headland (docs/reference/systemd.md).';
  }
  return 'The driver gpiochip needs Linux 5.10 or later. On an older kernel, set gpio.driver to onoff.';
}

/**
 * Claims one line.
 * @param who "output \"horn\"", for errors
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export function holdLine(
  kernel: Kernel,
  who: string,
  choice: LineChoice,
  requestFor: (line: number) => OutputRequest | InputRequest,
): HeldLine {
  const { chip, line } = chooseLine(choice, listCharacterChips(kernel));
  const name = chip.names[line] ?? null;
  const chipName = chip.path.slice('/dev/'.length);
  const description = `${chipName}:${line}${name === null ? '' : ` ${name}`}`;
  try {
    return { fd: requestLine(kernel, chip.path, requestFor(line)), description, chip };
  } catch (error) {
    throw new HeadlandError(
      'HL_GPIO_UNAVAILABLE',
      `cannot claim ${who} on ${description}: ${messageOf(error)}`,
      {
        remedy: claimRemedy(error, chip.infos[line]?.consumer ?? null),
        details: { who, line: description, code: codeOf(error) },
        cause: error,
      },
    );
  }
}

/** Why a line of a chip that can be read cannot be claimed, and what to do. */
function claimRemedy(error: unknown, consumer: string | null): string {
  switch (codeOf(error)) {
    case 'EBUSY':
      return `End the program that uses the line${consumer === null ? '' : ` ("${consumer}")`}, or unexport it from /sys/class/gpio. \`headland gpio list\` shows who uses which line.`;
    case 'EINVAL':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return 'Set bias to as-is and drive to push-pull: this chip may not offer the others. The driver gpiochip needs Linux 5.10 or later.';
    default:
      return 'Look for errors of the GPIO chip in the kernel log (`dmesg`).';
  }
}

function readChip(kernel: Kernel, path: string): CharacterChip {
  const fd = kernel.open(path);
  try {
    const bytes = new Uint8Array(CHIP_INFO_BYTES);
    kernel.ioctl(fd, GPIO_IOCTL.chipInfo, bytes);
    const { name, label, lines } = decodeChipInfo(bytes);
    const infos = Array.from({ length: lines }, (_, line) => {
      const info = encodeLineInfo(line);
      kernel.ioctl(fd, GPIO_IOCTL.lineInfo, info);
      return decodeLineInfo(info);
    });
    return { path, name, label, lines, infos, names: infos.map(({ name }) => name) };
  } finally {
    kernel.close(fd);
  }
}

/** The line outlives the chip's descriptor, which is closed at once. */
function requestLine(kernel: Kernel, path: string, request: OutputRequest | InputRequest): number {
  const fd = kernel.open(path);
  try {
    const bytes = encodeLineRequest(request);
    kernel.ioctl(fd, GPIO_IOCTL.requestLine, bytes);
    return decodeRequestedFd(bytes);
  } finally {
    kernel.close(fd);
  }
}
