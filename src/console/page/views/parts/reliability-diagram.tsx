import type { AnswerOf } from '../../../contract/contract.js';
import type { Words } from '../../words/words.js';
import { FiguresTable } from './figures-table.js';

type Bins = AnswerOf<'GET /api/brain/versions/{version}'>['reliability'];

const SIZE = 320;
const LEFT = 40;
const TOP = 12;
const SIDE = SIZE - LEFT - 12;
const BOTTOM = TOP + SIDE;
const COUNTS_PX = 42;

/** How often an answer is right that calls itself so sure; on the diagonal, words and deeds agree. */
export function ReliabilityDiagram({ bins, words }: { bins: Bins; words: Words }) {
  const x = (share: number) => LEFT + share * SIDE;
  const y = (share: number) => BOTTOM - share * SIDE;
  const most = Math.max(1, ...bins.map(({ samples }) => samples));
  const filled = bins.flatMap(({ meanProbability: mean, accuracy, samples, from, to }) =>
    mean === null || accuracy === null ? [] : [{ mean, accuracy, samples, from, to }],
  );
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${SIZE} ${SIZE + COUNTS_PX + 26}`}
        class="reliability"
        role="img"
        aria-label={words.say('brain.reliability')}
      >
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a drawing cannot be focused */}
        <g aria-hidden="true">
          <rect x={LEFT} y={TOP} width={SIDE} height={SIDE} />
          <line class="diagonal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
          {[0, 0.5, 1].map((share) => (
            <text key={share} x={LEFT - 6} y={y(share) + 4} text-anchor="end">
              {words.number(share * 100)}
            </text>
          ))}
          {filled.map(({ mean, accuracy, samples, from }) => (
            <g key={from}>
              <line
                class="whisker"
                x1={x(mean)}
                x2={x(mean)}
                y1={y(accuracy.low)}
                y2={y(accuracy.high)}
              />
              <circle
                class="dot"
                cx={x(mean)}
                cy={y(accuracy.value)}
                r={3 + 5 * Math.sqrt(samples / most)}
              />
            </g>
          ))}
          {bins.map(({ from, to, samples }) => {
            const height = (samples / most) * COUNTS_PX;
            const base = BOTTOM + COUNTS_PX + 8;
            return (
              <g key={from}>
                <rect
                  class="bin"
                  x={x(from) + 1}
                  y={base - height}
                  width={(to - from) * SIDE - 2}
                  height={height}
                />
                {samples > 0 && (
                  <text
                    class="small"
                    x={x((from + to) / 2)}
                    y={base - height - 2}
                    text-anchor="middle"
                  >
                    {words.number(samples)}
                  </text>
                )}
              </g>
            );
          })}
          {[0, 0.5, 1].map((share) => (
            <text key={share} x={x(share)} y={BOTTOM + COUNTS_PX + 24} text-anchor="middle">
              {words.percent(share)}
            </text>
          ))}
        </g>
      </svg>
      <FiguresTable
        caption={words.say('brain.reliability')}
        heads={[words.say('brain.sure'), words.say('brain.rightOf100'), words.say('brain.images')]}
        rows={filled.map(({ from, to, accuracy, samples }) => [
          `${words.percent(from)} – ${words.percent(to)}`,
          words.number(Math.round(accuracy.value * 100)),
          words.number(samples),
        ])}
      />
    </figure>
  );
}
