import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { type Area, areaOf, planOf } from './map-plan.js';
import type { RobotRow } from './table-rows.js';

/**
 * Where the robots stand, north up, without a picture of the ground: nothing is requested from others.
 * A marker of several robots enlarges the map to their area.
 */
export function RobotsMap({
  page,
  rows,
  area,
  show,
}: {
  page: FleetParts;
  /** All that the filters leave. */
  rows: readonly RobotRow[];
  /** The enlarged area; null: all robots. */
  area: Area | null;
  show: (area: Area | null) => void;
}) {
  const words = useWords(page);
  const map = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ widthPx: 0, heightPx: 0 });
  useLayoutEffect(() => {
    const element = map.current;
    if (element === null) return;
    const sizes = new ResizeObserver(() =>
      setSize({ widthPx: element.clientWidth, heightPx: element.clientHeight }),
    );
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  const shown = area ?? areaOf(rows);
  const plan = useMemo(
    () => (shown === null || size.widthPx === 0 ? null : planOf(rows, shown, size)),
    [rows, size, JSON.stringify(shown)],
  );
  const placed = rows.filter(({ robot }) => robot.position !== null).length;
  return (
    <section class="card" aria-labelledby="map-title">
      <header>
        <h3 id="map-title">{words.say('fleet.map')}</h3>
        <button type="button" id="whole-map" hidden={area === null} onClick={() => show(null)}>
          {words.say('fleet.wholeMap')}
        </button>
      </header>
      {/* biome-ignore lint/a11y/useSemanticElements: a map is no fieldset */}
      <div class="fleet-map" id="map" ref={map} role="group" aria-labelledby="map-title">
        {plan?.markers.map(({ rows: those, tone, leftPx, topPx }) => {
          const place = { left: `${leftPx}px`, top: `${topPx}px` };
          const [{ robot, state } = { robot: null, state: null }] = those;
          if (robot === null || state === null) return null;
          if (those.length === 1) {
            const text = `${robot.robot}: ${words.say(`fleet.state.${state}`)}`;
            return (
              <a
                key={robot.robot}
                class="marker"
                style={place}
                data-tone={tone}
                href={page.address.link('robots', { robot: robot.robot })}
                aria-label={text}
                title={text}
              >
                {tone === 'bad' ? '!' : ''}
              </a>
            );
          }
          const text = words.say('fleet.markerOf', { count: those.length });
          return (
            <button
              key={robot.robot}
              type="button"
              class="marker many"
              style={place}
              data-tone={tone}
              aria-label={text}
              title={text}
              onClick={() => show(areaOf(those))}
            >
              {words.number(those.length)}
            </button>
          );
        })}
        {plan !== null && (
          <span class="map-scale" aria-hidden="true">
            <i style={{ width: `${plan.scale.widthPx}px` }} />
            {lengthText(plan.scale.meters, words)}
          </span>
        )}
      </div>
      {placed < rows.length && (
        <p class="hint">{words.say('fleet.notPlaced', { count: rows.length - placed })}</p>
      )}
    </section>
  );
}

function lengthText(meters: number, words: FleetParts['words']): string {
  const isLong = meters >= 1_000;
  const unit = isLong ? 'kilometer' : 'meter';
  return words.number(isLong ? meters / 1_000 : meters, { style: 'unit', unit });
}
