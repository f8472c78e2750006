/** A frame of the driver `pipe`. @param capturedAtMs 0: not known */
export function frame(jpeg: Uint8Array, capturedAtMs = 0): Buffer {
  const header = Buffer.alloc(16);
  header.write('HLJ1', 'latin1');
  header.writeUInt32BE(jpeg.length, 4);
  header.writeBigUInt64BE(BigInt(capturedAtMs) * 1_000n, 8);
  return Buffer.concat([header, jpeg]);
}
