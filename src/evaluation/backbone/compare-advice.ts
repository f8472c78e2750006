import type { BackboneScore } from './compare-backbones.js';

/** A backbone with what it costs. */
export interface MeasuredBackbone extends BackboneScore {
  /** Median of a forward pass, milliseconds. */
  forwardMs: number;
  /** Of the converted model, bytes. */
  bytes: number;
}

export interface BackboneAdvice {
  backbone: string;
  /** One sentence each. */
  reasons: string[];
}

/** A difference of so many standard errors is taken for one. */
const STANDARD_ERRORS = 1;
/** By less than this share, a forward pass is not faster but measured on another second. */
const NOTICEABLE = 0.1;

/**
 * The fastest backbone that is not behind the most accurate one by more than a standard error; of
 * two as fast as each other the more accurate one; the one that is configured where nothing is
 * better by either.
 * @param rows Most accurate first, at least one.
 */
export function adviseBackbone(
  rows: readonly MeasuredBackbone[],
  configured: string,
): BackboneAdvice {
  const best = rows[0];
  if (best === undefined) throw new RangeError('no backbone was measured');
  const good = rows.filter((r) => -r.behind <= STANDARD_ERRORS * r.behindStandardError);
  const fastest = Math.min(...good.map((r) => r.forwardMs));
  const quick = good.filter((r) => r.forwardMs <= fastest * (1 + NOTICEABLE));
  const chosen =
    quick.find((r) => r.name === configured && r.accuracy === quick[0]?.accuracy) ??
    (quick[0] as MeasuredBackbone);
  const reasons: string[] = [];
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const points = (r: BackboneScore) =>
    `${(-100 * r.behind).toFixed(1)} points (± ${(100 * r.behindStandardError).toFixed(1)})`;
  const ms = (r: MeasuredBackbone) => `${r.forwardMs.toFixed(1)} ms`;
  if (rows.length === 1) {
    reasons.push(`${chosen.name} is the only one here; fetch or add others to compare it with.`);
  } else if (chosen === best) {
    reasons.push(`${best.name} names the most photos rightly (${percent(best.accuracy)}).`);
  } else {
    reasons.push(
      `${chosen.name} is as good as ${best.name} as far as these photos can tell: ${points(chosen)} behind.`,
      `It takes ${ms(chosen)} instead of ${ms(best)}.`,
    );
  }
  const faster = rows.filter((r) => !good.includes(r) && r.forwardMs < chosen.forwardMs);
  const nearest = faster[0];
  if (nearest) {
    reasons.push(
      `${nearest.name} takes ${ms(nearest)}, and is ${points(nearest)} behind: worth it only where the board is too slow.`,
    );
  } else if (rows.length > 1) reasons.push('None that is faster was measured.');
  reasons.push(
    chosen.name === configured
      ? 'It is the one that is configured.'
      : `To use it: models.backbone: ${chosen.name}, then restart and \`headland train\`.`,
  );
  return { backbone: chosen.name, reasons };
}
