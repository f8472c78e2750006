import { encode } from 'uqr';

/** Modules of light around the code: ISO/IEC 18004 asks for four. */
const QUIET_MODULES = 4;
/** Black on bright white, whatever the colours of the terminal. */
const COLOURS = '\u001b[30;107m';
const NO_COLOURS = '\u001b[0m';

/**
 * A QR code as lines of text: two rows of modules a line, one column a module.
 * @param coloured the terminal shows colours; else the code is right on a dark background
 */
export function qrLines(text: string, coloured: boolean): string[] {
  const { data } = encode(text, { ecc: 'M', border: QUIET_MODULES });
  const lines: string[] = [];
  for (let row = 0; row < data.length; row += 2) {
    const top = data[row] ?? [];
    const bottom = data[row + 1] ?? [];
    const line = top.map((isDark, column) =>
      // Without colours the light modules are drawn.
      coloured
        ? halfBlock(isDark, bottom[column] ?? false)
        : halfBlock(!isDark, !(bottom[column] ?? true)),
    );
    lines.push(coloured ? COLOURS + line.join('') + NO_COLOURS : line.join(''));
  }
  return lines;
}

function halfBlock(top: boolean, bottom: boolean): string {
  if (top) return bottom ? '█' : '▀';
  return bottom ? '▄' : ' ';
}
