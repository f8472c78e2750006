import type { BackboneScore } from './compare-backbones.js';

/** A backbone with its cost. */
export interface MeasuredBackbone extends BackboneScore {
  /** Median of a forward pass, milliseconds. */
  forwardMs: number;
  /** Size of the converted model, bytes. */
  bytes: number;
}

export interface BackboneAdvice {
  backbone: string;
  /** One sentence each. */
  reasons: string[];
}

/** A larger difference, in standard errors, counts as one. */
const STANDARD_ERRORS = 1;
/** A smaller difference of forward passes, as a share, is noise of the measurement. */
const NOTICEABLE = 0.1;

/**
 * The fastest backbone that is at most a standard error behind the most accurate one. Of two that
 * are equally fast, the more accurate one; the configured one where no other is better in either.
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
    reasons.push(
      `${chosen.name} is the only backbone here; fetch or add others to compare it with.`,
    );
  } else if (chosen === best) {
    reasons.push(`${best.name} is the most accurate (${percent(best.accuracy)}).`);
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
  } else if (rows.length > 1) reasons.push('No faster backbone was measured.');
  reasons.push(
    chosen.name === configured
      ? 'It is the configured backbone.'
      : `To use it: models.backbone: ${chosen.name}, then restart and \`headland train\`.`,
  );
  return { backbone: chosen.name, reasons };
}
