import { useState } from 'preact/hooks';
import type { Box, PictureLayout } from '../../../../contract/robot-contract.js';
import { boxOf, clamp, type Point, rounded, toWhole } from '../../../control/picture-boxes.js';
import type { Words } from '../../../words/words.js';

export type Tool = 'region' | 'mask' | 'crop';

/** Closer to the first corner than this, a press closes a mask. */
const CLOSING_DISTANCE = 0.03;
const MAX_CORNERS = 64;

/** The whole image of a camera with everything drawn on it; drawing adds a box or a mask. */
export function LayoutCanvas({
  words,
  src,
  layout,
  tool,
  onBox,
  onMask,
}: {
  words: Words;
  src: string;
  layout: PictureLayout;
  tool: Tool;
  onBox: (box: Box) => void;
  onMask: (corners: Point[]) => void;
}) {
  const [from, setFrom] = useState<Point | null>(null);
  const [to, setTo] = useState<Point | null>(null);
  const [corners, setCorners] = useState<Point[]>([]);
  const drawn = from !== null && to !== null ? boxOf(from, to) : null;
  const addCorner = (point: Point) => {
    const [first] = corners;
    const closes =
      first !== undefined && corners.length >= 3 && distance(first, point) < CLOSING_DISTANCE;
    if (!closes && corners.length < MAX_CORNERS) {
      setCorners([...corners, point]);
      return;
    }
    setCorners([]);
    onMask(corners);
  };
  return (
    <div
      class="layout-canvas"
      data-tool={tool}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        const point = pointOf(event);
        if (tool === 'mask') {
          addCorner(point);
          return;
        }
        event.currentTarget.setPointerCapture(event.pointerId);
        setFrom(point);
        setTo(point);
      }}
      onPointerMove={(event) => {
        if (from !== null) setTo(pointOf(event));
      }}
      onPointerUp={() => {
        if (drawn !== null) onBox(drawn);
        setFrom(null);
        setTo(null);
      }}
      onPointerCancel={() => setFrom(null)}
    >
      <img src={src} alt={words.say('robot.stillAlt')} draggable={false} />
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
        {layout.masks.map((mask) => (
          <polygon key={String(mask)} class="mask" points={pointsOf(mask)} />
        ))}
        {layout.crop !== null && <Rectangle box={layout.crop} kind="crop" />}
        {boxesOf(layout).map(({ name, ...box }) => (
          <Rectangle key={name} box={toWhole(box, layout.crop)} kind="region" />
        ))}
        {corners.length > 0 && <polyline class="mask" points={pointsOf(corners)} />}
        {drawn !== null && <Rectangle box={drawn} kind={tool} />}
      </svg>
      {boxesOf(layout).map(({ name, ...box }) => {
        const { left, top } = toWhole(box, layout.crop);
        const style = { left: `${left * 100}%`, top: `${top * 100}%` };
        return (
          <span key={name} class="region-name" style={style} aria-hidden="true">
            {name}
          </span>
        );
      })}
    </div>
  );
}

function Rectangle({ box, kind }: { box: Box; kind: Tool }) {
  const { left, top, width, height } = box;
  return <rect class={kind} x={left} y={top} width={width} height={height} />;
}

/** All regions of a layout, those of a grid too, in coordinates of the kept part. */
function boxesOf({ regions }: PictureLayout): (Box & { name: string })[] {
  if (Array.isArray(regions)) return regions;
  const { columns, rows } = regions;
  return Array.from({ length: columns * rows }, (_, index) => ({
    name: String(index + 1),
    left: (index % columns) / columns,
    top: Math.floor(index / columns) / rows,
    width: 1 / columns,
    height: 1 / rows,
  }));
}

function pointOf({ currentTarget, clientX, clientY }: PointerEvent): Point {
  const { left, top, width, height } = (currentTarget as HTMLElement).getBoundingClientRect();
  return [rounded(clamp((clientX - left) / width)), rounded(clamp((clientY - top) / height))];
}

function pointsOf(corners: readonly (readonly number[])[]): string {
  return corners.map((corner) => corner.join(',')).join(' ');
}

function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(ax - bx, ay - by);
}
