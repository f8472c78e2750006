import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `native`: whatever this processor has; the others lack what they say. */
export const KERNEL_KINDS = ['native', 'without-vnni', 'avx2'] as const;
export type KernelKind = (typeof KERNEL_KINDS)[number];

/** A place in the machine code, both in hexadecimal; `becomes` replaces the end of `found`. */
interface Patch {
  found: string;
  becomes: string;
}

/** How ONNX Runtime 1.27 asks the processor what it has, when it chooses kernels. */
const PATCHES: Record<Exclude<KernelKind, 'native'>, Patch> = {
  // mov rax,r11; not rax; test al,0xe0; je <AVX-512 kernels>: never taken.
  avx2: { found: '4c89d848f7d0a8e00f8495000000', becomes: '909090909090' },
  // lea rax,…; and r8d,0x800 (the flag of AVX512-VNNI); mov byte [rdi+1],1: no bit is looked at.
  'without-vnni': { found: '4181e000080000c6470101', becomes: '00000000c6470101' },
};
const LIBRARY = 'libonnxruntime.so.1';

/**
 * Writes a copy of ONNX Runtime's library into `folder` that does not see what the processor can
 * do. A process that is started with LD_LIBRARY_PATH=`folder` loads it instead of the package's.
 * Returns why it cannot be made, or null when it was.
 */
export function restrictKernels(kind: Exclude<KernelKind, 'native'>, folder: string) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'it needs Linux on x86-64';
  const bytes = readFileSync(packagedLibrary());
  const { found, becomes } = PATCHES[kind];
  const pattern = Buffer.from(found, 'hex');
  const at = bytes.indexOf(pattern);
  if (at < 0 || bytes.indexOf(pattern, at + 1) >= 0) {
    return 'this version of ONNX Runtime holds the pattern never or more than once';
  }
  const replacement = Buffer.from(becomes, 'hex');
  replacement.copy(bytes, at + pattern.length - replacement.length);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, LIBRARY), bytes);
  return null;
}

function packagedLibrary(): string {
  const bin = join(dirname(fileURLToPath(import.meta.resolve('onnxruntime-node'))), '../bin');
  const files = readdirSync(bin, { recursive: true, encoding: 'utf8' });
  const own = files.find((file) => file.endsWith(join('linux', 'x64', LIBRARY)));
  if (own === undefined) throw new Error(`${bin} holds no ${LIBRARY} for linux-x64: run npm ci`);
  return join(bin, own);
}
