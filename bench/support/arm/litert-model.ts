import { createRequire } from 'node:module';

type Call = (...args: unknown[]) => unknown;

/** Of litert_common.h. */
const CPU = 1;
const LOCK_READ = 0;
const LOCK_WRITE = 1;
/** Larger than LiteRtRankedTensorType is on any platform. */
const TENSOR_TYPE_BYTES = 128;

const SIGNATURES = {
  createEnvironment: 'int LiteRtCreateEnvironment(int, void *, _Out_ void **)',
  createModel: 'int LiteRtCreateModelFromFile(void *, const char *, _Out_ void **)',
  createOptions: 'int LiteRtCreateOptions(_Out_ void **)',
  setAccelerators: 'int LiteRtSetOptionsHardwareAccelerators(void *, int)',
  compile: 'int LiteRtCreateCompiledModel(void *, void *, void *, _Out_ void **)',
  getSignature: 'int LiteRtGetModelSignature(void *, size_t, _Out_ void **)',
  getInput: 'int LiteRtGetSignatureInputTensorByIndex(void *, size_t, _Out_ void **)',
  getOutput: 'int LiteRtGetSignatureOutputTensorByIndex(void *, size_t, _Out_ void **)',
  getType: 'int LiteRtGetRankedTensorType(void *, void *)',
  needsOfInput:
    'int LiteRtGetCompiledModelInputBufferRequirements(void *, size_t, size_t, _Out_ void **)',
  needsOfOutput:
    'int LiteRtGetCompiledModelOutputBufferRequirements(void *, size_t, size_t, _Out_ void **)',
  createBuffer:
    'int LiteRtCreateManagedTensorBufferFromRequirements(void *, void *, void *, _Out_ void **)',
  lock: 'int LiteRtLockTensorBuffer(void *, _Out_ void **, int)',
  unlock: 'int LiteRtUnlockTensorBuffer(void *)',
  run: 'int LiteRtRunCompiledModel(void *, size_t, size_t, void **, size_t, void **)',
} as const;

/**
 * A model with one fp32 input and one fp32 output in LiteRT, through the C library of its wheel
 * (2.3.0). The process ends after the count, so nothing is released.
 */
export class LitertModel {
  readonly #call: (name: keyof typeof SIGNATURES, ...args: unknown[]) => void;
  readonly #koffi: typeof import('koffi');
  readonly #compiled: unknown;
  readonly #input: unknown;
  readonly #output: unknown;

  constructor(
    library: string,
    file: string,
    private readonly outputs: number,
  ) {
    this.#koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const koffi = this.#koffi;
    const loaded = koffi.load(library);
    const calls = new Map<string, Call>();
    for (const [name, signature] of Object.entries(SIGNATURES)) {
      calls.set(name, loaded.func(signature) as Call);
    }
    this.#call = (name, ...args) => {
      const status = calls.get(name)?.(...args);
      if (status !== 0) throw new Error(`LiteRT: ${name} answers ${status}`);
    };
    const made = (name: keyof typeof SIGNATURES, ...args: unknown[]): unknown => {
      const out: unknown[] = [null];
      this.#call(name, ...args, out);
      return out[0];
    };
    const environment = made('createEnvironment', 0, null);
    const model = made('createModel', environment, file);
    const options = made('createOptions');
    this.#call('setAccelerators', options, CPU);
    this.#compiled = made('compile', environment, model, options);
    const signature = made('getSignature', model, 0);
    const buffer = (tensor: unknown, needs: unknown): unknown => {
      const type = Buffer.alloc(TENSOR_TYPE_BYTES);
      this.#call('getType', tensor, type);
      return made('createBuffer', environment, type, needs);
    };
    this.#input = buffer(
      made('getInput', signature, 0),
      made('needsOfInput', this.#compiled, 0, 0),
    );
    this.#output = buffer(
      made('getOutput', signature, 0),
      made('needsOfOutput', this.#compiled, 0, 0),
    );
  }

  /** @param values N x H x W x C */
  run(values: Float32Array): Float32Array {
    const input = this.#locked(this.#input, LOCK_WRITE, values.byteLength);
    new Float32Array(input).set(values);
    this.#call('unlock', this.#input);
    this.#call('run', this.#compiled, 0, 1, [this.#input], 1, [this.#output]);
    const output = this.#locked(
      this.#output,
      LOCK_READ,
      Float32Array.BYTES_PER_ELEMENT * this.outputs,
    );
    const features = new Float32Array(output).slice();
    this.#call('unlock', this.#output);
    return features;
  }

  #locked(buffer: unknown, mode: number, bytes: number): ArrayBuffer {
    const out: unknown[] = [null];
    this.#call('lock', buffer, out, mode);
    return this.#koffi.view(out[0], bytes);
  }
}
