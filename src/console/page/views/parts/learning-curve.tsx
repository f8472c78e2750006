import type { AnswerOf } from '../../../contract/contract.js';
import type { Words } from '../../words/words.js';
import { FiguresTable } from './figures-table.js';

export type CurvePoint = AnswerOf<'GET /api/brain/curve'>['points'][number];

const WIDTH = 420;
const HEIGHT = 230;
const LEFT = 40;
const RIGHT = WIDTH - 16;
const TOP = 14;
const BOTTOM = HEIGHT - 38;
const RULES = [0, 0.25, 0.5, 0.75, 1];

/** Right answers by labels, with the band in which the truth lies; every point opens its version. */
export function LearningCurve({
  points,
  words,
  current,
  link,
}: {
  /** Oldest first, at least one. */
  points: readonly CurvePoint[];
  words: Words;
  /** Version whose report is open; null: none. */
  current: number | null;
  link: (version: number) => string;
}) {
  const most = Math.max(...points.map(({ labels }) => labels));
  const least = Math.min(...points.map(({ labels }) => labels));
  const span = Math.max(1, most - least);
  const x = ({ labels }: CurvePoint) =>
    most === least
      ? (LEFT + RIGHT) / 2
      : LEFT + 14 + ((labels - least) / span) * (RIGHT - LEFT - 28);
  const y = (share: number) => BOTTOM - share * (BOTTOM - TOP);
  const sorted = [...points].sort((a, b) => a.labels - b.labels || a.version - b.version);
  const served = sorted.filter(({ outcome }) => outcome === 'promoted');
  const band = [
    ...served.map((point) => `${x(point)},${y(point.accuracy.high)}`),
    ...served.toReversed().map((point) => `${x(point)},${y(point.accuracy.low)}`),
  ];
  const line = served.map((point) => `${x(point)},${y(point.accuracy.value)}`);
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} class="curve">
        <title>{words.say('brain.curve')}</title>
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a drawing cannot be focused */}
        <g aria-hidden="true">
          {RULES.map((share) => (
            <g key={share}>
              <line x1={LEFT} x2={RIGHT} y1={y(share)} y2={y(share)} />
              <text x={LEFT - 8} y={y(share) + 4} text-anchor="end">
                {words.number(share * 100)}
              </text>
            </g>
          ))}
          {served.length > 1 && <polygon points={band.join(' ')} />}
          {served.length > 1 && <polyline points={line.join(' ')} />}
          {sorted.map((point) => (
            <line
              key={point.version}
              class="whisker"
              x1={x(point)}
              x2={x(point)}
              y1={y(point.accuracy.low)}
              y2={y(point.accuracy.high)}
            />
          ))}
          {[...new Set([least, most])].map((labels) => (
            <text
              key={labels}
              x={labels === least ? (least === most ? (LEFT + RIGHT) / 2 : LEFT + 14) : RIGHT - 14}
              y={BOTTOM + 18}
              text-anchor="middle"
            >
              {words.number(labels)}
            </text>
          ))}
          <text x={(LEFT + RIGHT) / 2} y={HEIGHT - 4} text-anchor="middle">
            {words.say('brain.labels')}
          </text>
        </g>
        {sorted.map((point) => (
          <a
            key={point.version}
            href={link(point.version)}
            aria-label={words.say('brain.openVersion', { version: point.version })}
            aria-current={point.version === current ? 'true' : undefined}
            data-version={point.version}
          >
            <circle class="target" cx={x(point)} cy={y(point.accuracy.value)} r={20} />
            <circle
              class={point.outcome === 'promoted' ? 'dot' : 'dot refused'}
              cx={x(point)}
              cy={y(point.accuracy.value)}
              r={point.version === current ? 9 : 6}
            />
          </a>
        ))}
      </svg>
      <FiguresTable
        caption={words.say('brain.curve')}
        heads={[
          words.say('brain.version'),
          words.say('brain.labels'),
          words.say('brain.rightOf100'),
          words.say('brain.outcome'),
        ]}
        rows={sorted.map(({ version, labels, accuracy, outcome }) => [
          words.number(version),
          words.number(labels),
          words.say('brain.between', of100(accuracy)),
          words.say(`brain.outcome.${outcome}`),
        ])}
      />
    </figure>
  );
}

/** Bounds of an interval in right answers of a hundred, rounded so that it does not become narrower. */
export function of100({ low, high }: { low: number; high: number }): { low: number; high: number } {
  return { low: Math.floor(low * 100 + 1e-9), high: Math.ceil(high * 100 - 1e-9) };
}
