import { DEFAULT_TASK } from '../../base/words/task.js';
import { visible } from '../../base/words/text.js';
import { escapeXml } from '../folder/exporters/escape-xml.js';
import type { PolygonRings } from './cell-outlines.js';
import type { MapArea, MapPoint, MapProperties } from './map-places.js';

/** Colours of classes that people with colour blindness tell apart (Okabe and Ito), as bbggrr. */
const COLOURS = ['009fe6', 'e9b456', '739e00', '42e4f0', 'b27200', '005ed5', 'a779cc', '000000'];

/** A map as KML 2.2 (OGC 07-147r2), with a folder and a colour for each task and label. */
export function kml(name: string, points: readonly MapPoint[], areas: readonly MapArea[]): string {
  const classes = [...new Set([...areas, ...points].map(classOf))].sort();
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<kml xmlns="http://www.opengis.net/kml/2.2">',
    '<Document>',
    `<name>${text(name)}</name>`,
    ...classes.map((_, index) => style(index)),
  ];
  for (const [index, each] of classes.entries()) {
    const isOne = (marked: MapArea | MapPoint): boolean => classOf(marked) === each;
    lines.push(
      '<Folder>',
      `<name>${text(each)}</name>`,
      ...areas.filter(isOne).map((area) => placemark(area, index, multiGeometry(area.polygons))),
      ...points.filter(isOne).map((point) => placemark(point, index, pointOf(point))),
      '</Folder>',
    );
  }
  return `${[...lines, '</Document>', '</kml>'].join('\n')}\n`;
}

function classOf({ task, label }: MapArea | MapPoint): string {
  return task === DEFAULT_TASK ? label : `${task}: ${label}`;
}

function style(index: number): string {
  const colour = COLOURS[index % COLOURS.length];
  return [
    `<Style id="class-${index}">`,
    `<IconStyle><color>ff${colour}</color></IconStyle>`,
    `<LineStyle><color>ff${colour}</color><width>1</width></LineStyle>`,
    `<PolyStyle><color>80${colour}</color></PolyStyle>`,
    '</Style>',
  ].join('');
}

function placemark(
  { label, firstAtMs, lastAtMs, properties }: MapArea | MapPoint,
  index: number,
  geometry: string,
): string {
  return [
    '<Placemark>',
    `<name>${text(label)}</name>`,
    firstAtMs < lastAtMs
      ? `<TimeSpan><begin>${iso(firstAtMs)}</begin><end>${iso(lastAtMs)}</end></TimeSpan>`
      : `<TimeStamp><when>${iso(lastAtMs)}</when></TimeStamp>`,
    `<styleUrl>#class-${index}</styleUrl>`,
    extendedData(properties),
    geometry,
    '</Placemark>',
  ].join('');
}

function extendedData(properties: MapProperties): string {
  const data = Object.entries(properties).flatMap(([name, value]) =>
    value === null
      ? []
      : [`<Data name="${text(name)}"><value>${text(String(value))}</value></Data>`],
  );
  return `<ExtendedData>${data.join('')}</ExtendedData>`;
}

function pointOf({ position: { longitude, latitude } }: MapPoint): string {
  return `<Point><coordinates>${longitude},${latitude}</coordinates></Point>`;
}

function multiGeometry(polygons: readonly PolygonRings[]): string {
  const bodies = polygons.map((rings) => {
    const [outline = [], ...holes] = rings.map(
      (ring) => `<LinearRing><coordinates>${ring.map(tuple).join(' ')}</coordinates></LinearRing>`,
    );
    const inner = holes.map((ring) => `<innerBoundaryIs>${ring}</innerBoundaryIs>`).join('');
    return `<Polygon><outerBoundaryIs>${outline}</outerBoundaryIs>${inner}</Polygon>`;
  });
  return `<MultiGeometry>${bodies.join('')}</MultiGeometry>`;
}

function tuple([longitude, latitude]: readonly [number, number]): string {
  return `${longitude},${latitude}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** XML cannot hold control characters, not even escaped. */
function text(value: string): string {
  return escapeXml(visible(value));
}
