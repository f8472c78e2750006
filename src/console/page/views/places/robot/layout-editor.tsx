import { useEffect, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { Box, PictureLayout } from '../../../../contract/robot-contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import { freeName, type Point, toKept, withSide } from '../../../control/picture-boxes.js';
import { useAnswer } from '../../use-answer.js';
import { LayoutCanvas, type Tool } from './layout-canvas.js';

const TOOLS: readonly Tool[] = ['region', 'mask', 'crop'];
const SIDES = ['left', 'top', 'width', 'height'] as const satisfies readonly (keyof Box)[];

type Regions = Exclude<PictureLayout['regions'], { columns: number }>;

/** Divides the image of a camera by drawing on it; every box can also be set by numbers. */
export function LayoutEditor({ page, camera }: { page: PageParts; camera: string }) {
  const words = useWords(page);
  const params = { camera };
  const { answer, problem, reload } = useAnswer(page, 'GET /api/robot/cameras/{camera}/regions', {
    params,
  });
  const [layout, setLayout] = useState<PictureLayout | null>(null);
  const [tool, setTool] = useState<Tool>('region');
  const [previews, setPreviews] = useState<readonly Preview[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (answer === null) return;
    const { crop, regions, masks } = answer;
    setLayout((present) => present ?? { crop, regions, masks });
  }, [answer]);
  if (layout === null || answer === null) return <p class="hint">{problem?.message}</p>;
  const regions = Array.isArray(layout.regions) ? layout.regions : [];
  const grid = Array.isArray(layout.regions) ? null : layout.regions;
  const set = (parts: Partial<PictureLayout>) => setLayout({ ...layout, ...parts });
  const addBox = (box: Box) => {
    if (tool === 'crop') return set({ crop: box });
    const kept = toKept(box, layout.crop);
    if (kept === null) return;
    set({ regions: [...regions, { name: freeName(regions.map(({ name }) => name)), ...kept }] });
  };
  const preview = async () => {
    try {
      const call = { params, body: layout };
      const { pictures } = await page.api.call('POST /api/robot/cameras/{camera}/preview', call);
      setPreviews(pictures);
    } catch (error) {
      page.notices.problem(error);
    }
  };
  const save = async () => {
    setBusy(true);
    try {
      const body = { ...layout, checksum: answer.checksum };
      const path = 'POST /api/robot/cameras/{camera}/regions';
      const { effect } = await page.api.call(path, { params, body });
      page.notices.say(words.say(effect === 'restart' ? 'robot.savedRestart' : 'robot.saved'));
    } catch (error) {
      page.notices.problem(error);
    }
    setBusy(false);
    reload();
  };
  return (
    <div class="layout-editor">
      <fieldset class="choice-chips" aria-label={words.say('robot.tools')}>
        {TOOLS.map((each) => (
          <button
            key={each}
            class="filter-chip"
            type="button"
            aria-pressed={tool === each}
            onClick={() => setTool(each)}
          >
            {words.say(`robot.tool_${each}`)}
          </button>
        ))}
      </fieldset>
      <p class="hint" id={`tool-help-${camera}`}>
        {words.say(`robot.toolHelp_${tool}`)}
      </p>
      <LayoutCanvas
        words={words}
        src={page.api.address('GET /api/robot/cameras/{camera}/still.jpg', { params })}
        layout={layout}
        tool={tool}
        onBox={addBox}
        onMask={(mask: Point[]) => set({ masks: [...layout.masks, mask] })}
      />
      <div class="layout-lists">
        <RegionList
          page={page}
          regions={regions}
          disabled={grid !== null}
          set={(next) => set({ regions: next })}
        />
        <GridFields page={page} grid={grid} set={(next) => set({ regions: next ?? [] })} />
        <div class="row wrap">
          <button
            type="button"
            disabled={layout.masks.length === 0}
            onClick={() => set({ masks: layout.masks.slice(0, -1) })}
          >
            {words.say('robot.removeMask', { count: layout.masks.length })}
          </button>
          <button type="button" disabled={layout.crop === null} onClick={() => set({ crop: null })}>
            {words.say('robot.removeCrop')}
          </button>
        </div>
      </div>
      {previews.length > 0 && (
        <ul class="previews" aria-label={words.say('robot.preview')}>
          {previews.map(({ region, mediaType, base64 }) => (
            <li key={region ?? ''}>
              <img
                src={`data:${mediaType};base64,${base64}`}
                alt={region ?? words.say('robot.wholeImage')}
              />
              <span>{region ?? words.say('robot.wholeImage')}</span>
            </li>
          ))}
        </ul>
      )}
      <div class="row end wrap">
        <button type="button" onClick={() => void preview()}>
          {words.say('robot.preview')}
        </button>
        <button class="primary" type="button" disabled={busy} onClick={() => void save()}>
          {words.say('robot.save')}
        </button>
      </div>
    </div>
  );
}

interface Preview {
  region: string | null;
  mediaType: string;
  base64: string;
}

function RegionList({
  page,
  regions,
  disabled,
  set,
}: {
  page: PageParts;
  regions: Regions;
  disabled: boolean;
  set: (regions: Regions) => void;
}) {
  const words = useWords(page);
  if (disabled || regions.length === 0) return null;
  const replace = (index: number, region: Regions[number]) =>
    set(regions.map((each, at) => (at === index ? region : each)));
  return (
    <ol class="region-list">
      {regions.map((region, index) => (
        <li key={index}>
          <label>
            <span class="away">{words.say('robot.regionName')}</span>
            <input
              value={region.name}
              maxlength={63}
              onInput={({ currentTarget: { value } }) => replace(index, { ...region, name: value })}
            />
          </label>
          {SIDES.map((side) => (
            <label key={side}>
              <span>{words.say(`robot.side_${side}`)}</span>
              <input
                type="number"
                min={0}
                max={100}
                step={1}
                value={Math.round(region[side] * 1_000) / 10}
                onChange={({ currentTarget: { valueAsNumber } }) => {
                  if (Number.isNaN(valueAsNumber)) return;
                  const { name, ...box } = region;
                  replace(index, { name, ...withSide(box, side, valueAsNumber / 100) });
                }}
              />
            </label>
          ))}
          <button
            type="button"
            aria-label={words.say('robot.removeRegion', { name: region.name })}
            onClick={() => set(regions.filter((_, at) => at !== index))}
          >
            ✕
          </button>
        </li>
      ))}
    </ol>
  );
}

function GridFields({
  page,
  grid,
  set,
}: {
  page: PageParts;
  grid: { columns: number; rows: number } | null;
  set: (grid: { columns: number; rows: number } | null) => void;
}) {
  const words = useWords(page);
  return (
    <div class="row wrap grid-fields">
      <label class="inline">
        <input
          type="checkbox"
          checked={grid !== null}
          onChange={({ currentTarget: { checked } }) =>
            set(checked ? { columns: 2, rows: 1 } : null)
          }
        />
        {words.say('robot.grid')}
      </label>
      {grid !== null &&
        (['columns', 'rows'] as const).map((side) => (
          <label key={side} class="inline">
            {words.say(`robot.${side}`)}
            <input
              type="number"
              min={1}
              max={32}
              value={grid[side]}
              onChange={({ currentTarget: { valueAsNumber } }) => {
                const value = Math.round(valueAsNumber);
                if (value >= 1 && value <= 32) set({ ...grid, [side]: value });
              }}
            />
          </label>
        ))}
    </div>
  );
}
