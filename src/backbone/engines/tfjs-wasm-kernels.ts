import type { backend_util, KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';

type Core = typeof import('@tensorflow/tfjs-core');

/** Most values of the unfolded input at once: 16 MB. */
const MAX_UNFOLDED = 4_000_000;

/** The part of tfjs-backend-wasm's `BackendWasm` that this kernel needs. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array;
  disposeData(dataId: object, force?: boolean): boolean;
}

interface FilterGradientArguments {
  inputs: { x: TensorInfo; dy: TensorInfo };
  attrs: {
    strides: [number, number] | number;
    pad: 'valid' | 'same' | number;
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
    filterShape: [number, number, number, number];
  };
  backend: unknown;
}

/**
 * tfjs-backend-wasm 4.22 has every gradient that a small CNN needs except that of a convolution
 * with respect to its filter. Here it is one matrix product, computed by XNNPACK, of the unfolded
 * input (im2col, transposed) and the gradient of the output. Does nothing if the backend has it.
 */
export function registerWasmFilterGradient(core: Core): void {
  if (core.getKernel(core.Conv2DBackpropFilter, 'wasm')) return;
  const matMul = core.getKernel(core.BatchMatMul, 'wasm').kernelFunc;
  core.registerKernel({
    kernelName: core.Conv2DBackpropFilter,
    backendName: 'wasm',
    kernelFunc: (({ inputs: { x, dy }, attrs, backend }: FilterGradientArguments) => {
      const wasm = backend as WasmBackend;
      const info = core.backend_util.computeConv2DInfo(
        x.shape as [number, number, number, number],
        attrs.filterShape,
        attrs.strides,
        1,
        attrs.pad,
        attrs.dimRoundingMode,
        false,
        'channelsLast',
      );
      const patch = info.filterHeight * info.filterWidth * info.inChannels;
      const perImage = info.outHeight * info.outWidth;
      const images = Math.max(
        1,
        Math.min(info.batchSize, Math.floor(MAX_UNFOLDED / patch / perImage)),
      );
      const sum = new Float32Array(patch * info.outChannels);
      for (let from = 0; from < info.batchSize; from += images) {
        const count = Math.min(images, info.batchSize - from);
        const unfolded = wasm.makeOutput([1, patch, count * perImage], 'float32');
        const gradient = wasm.makeOutput([1, count * perImage, info.outChannels], 'float32');
        // Views of the heap are taken after the last allocation, because the heap may move when it
        // grows.
        const values = wasm.typedArrayFromHeap(dy);
        const rows = count * perImage * info.outChannels;
        const start = from * perImage * info.outChannels;
        wasm.typedArrayFromHeap(gradient).set(values.subarray(start, start + rows));
        unfold(wasm.typedArrayFromHeap(x), wasm.typedArrayFromHeap(unfolded), info, from, count);
        const product = matMul({
          inputs: { a: unfolded, b: gradient },
          attrs: { transposeA: false, transposeB: false },
          backend: wasm as never,
        }) as TensorInfo;
        const part = wasm.typedArrayFromHeap(product);
        for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + part[i]!;
        for (const used of [unfolded, gradient, product]) wasm.disposeData(used.dataId, true);
      }
      const out = wasm.makeOutput([...attrs.filterShape], 'float32');
      wasm.typedArrayFromHeap(out).set(sum);
      return out;
    }) as unknown as KernelConfig['kernelFunc'],
  });
}

/** Row k of `to` holds the inputs under value k of the filter at every place; 0 outside. */
function unfold(
  x: Float32Array,
  to: Float32Array,
  info: backend_util.Conv2DInfo,
  from: number,
  count: number,
): void {
  const { filterHeight, filterWidth, inHeight, inChannels, outHeight, outWidth } = info;
  let at = 0;
  for (let k = 0; k < filterHeight * filterWidth * inChannels; k++) {
    const place = Math.floor(k / inChannels);
    const fy = Math.floor(place / filterWidth) - info.padInfo.top;
    const fx = (place % filterWidth) - info.padInfo.left;
    for (let image = from; image < from + count; image++) {
      for (let oy = 0; oy < outHeight; oy++, at += outWidth) {
        const y = oy * info.strideHeight + fy;
        const inside = y >= 0 && y < inHeight;
        if (inside) unfoldLine(x, image * inHeight + y, fx, k % inChannels, to, at, info);
        else to.fill(0, at, at + outWidth);
      }
    }
  }
}

/** One channel of a line of the input from column `fx` on: one value per column of the output. */
function unfoldLine(
  x: Float32Array,
  line: number,
  fx: number,
  channel: number,
  to: Float32Array,
  at: number,
  { inWidth, inChannels, outWidth, strideWidth }: backend_util.Conv2DInfo,
): void {
  for (let ox = 0; ox < outWidth; ox++) {
    const column = ox * strideWidth + fx;
    const inside = column >= 0 && column < inWidth;
    to[at + ox] = inside ? x[(line * inWidth + column) * inChannels + channel]! : 0;
  }
}
