import { ScrollArea } from '../../../../../page/views/scroll-area.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { LambdaScore } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';

const WIDTH = 360;
const HEIGHT = 190;
const LEFT = 58;
const RIGHT = WIDTH - 24;
const TOP = 16;
const BOTTOM = HEIGHT - 44;
/** Rules between the least and the most log-loss. */
const RULES = [0, 0.5, 1];

/** Log-loss on robots that the heads had not seen, by the strength of the ridge, and the one that was chosen. */
export function LambdaChart({
  page,
  scores,
}: {
  page: FleetParts;
  scores: readonly LambdaScore[];
}) {
  const words = useWords(page);
  const lambdaText = (lambda: number) => words.number(lambda, { maximumSignificantDigits: 2 });
  const lossText = (loss: number) =>
    words.number(loss, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  const share = (value: number) => words.percent(value, 1);
  const losses = scores.map(({ logLoss }) => logLoss);
  const least = Math.min(...losses);
  const most = Math.max(...losses);
  // A difference that means nothing does not fill the chart.
  const span = Math.max(most - least, 0.01);
  const x = (at: number) => LEFT + 12 + (at / Math.max(1, scores.length - 1)) * (RIGHT - LEFT - 12);
  const y = (loss: number) => BOTTOM - 10 - ((loss - least) / span) * (BOTTOM - 10 - TOP);
  return (
    <>
      <figure class="chart">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          id="lambda-chart"
          role="img"
          aria-label={words.say('fleet.lambdaChart')}
        >
          {RULES.map((part) => {
            const loss = least + part * span;
            return (
              <g key={part}>
                <line x1={LEFT} x2={RIGHT} y1={y(loss)} y2={y(loss)} />
                <text x={LEFT - 8} y={y(loss) + 5} text-anchor="end">
                  {lossText(loss)}
                </text>
              </g>
            );
          })}
          <polyline points={scores.map(({ logLoss }, at) => `${x(at)},${y(logLoss)}`).join(' ')} />
          {scores.map(({ lambda, logLoss, chosen }, at) => (
            <g key={lambda}>
              <circle
                class={chosen ? 'dot chosen' : 'dot'}
                cx={x(at)}
                cy={y(logLoss)}
                r={chosen ? 8 : 4}
              />
              {at % 2 === 0 && (
                <text x={x(at)} y={BOTTOM + 18} text-anchor="middle">
                  {lambdaText(lambda)}
                </text>
              )}
            </g>
          ))}
          <text x={(LEFT + RIGHT) / 2} y={HEIGHT - 5} text-anchor="middle">
            λ
          </text>
        </svg>
        <figcaption class="hint">{words.say('fleet.lambdaChart')}</figcaption>
      </figure>
      <details class="lambda-figures">
        <summary>{words.say('fleet.lambdaFigures', { count: scores.length })}</summary>
        <ScrollArea labelledBy="left-out-title">
          <table id="lambdas">
            <thead>
              <tr>
                <th scope="col">
                  <span aria-hidden="true">λ</span>
                  <span class="away">{words.say('fleet.lambda')}</span>
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.logLoss')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.right')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.macro')}
                </th>
                <th scope="col" class="number">
                  {words.say('fleet.scale')}
                </th>
              </tr>
            </thead>
            <tbody>
              {scores.map(({ lambda, logLoss, accuracy, macroAccuracy, scale, chosen }) => (
                <tr key={lambda} data-chosen={chosen}>
                  <th scope="row">
                    {lambdaText(lambda)}
                    {chosen && <span class="tag">{words.say('fleet.chosen')}</span>}
                  </th>
                  <td class="number">{lossText(logLoss)}</td>
                  <td class="number">{share(accuracy)}</td>
                  <td class="number">{share(macroAccuracy)}</td>
                  <td class="number">{words.number(scale, { maximumSignificantDigits: 3 })}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollArea>
      </details>
    </>
  );
}
