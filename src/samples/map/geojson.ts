import type { MapArea, MapPoint } from './map-places.js';

/** A map as GeoJSON (RFC 7946): WGS 84, longitude before latitude. */
export function geoJson(points: readonly MapPoint[], areas: readonly MapArea[]): string {
  const features = [
    ...areas.map(({ polygons, properties }) => ({
      type: 'Feature',
      geometry: { type: 'MultiPolygon', coordinates: polygons },
      properties,
    })),
    ...points.map(({ position, properties }) => ({
      type: 'Feature',
      geometry: { type: 'Point', coordinates: coordinatesOf(position) },
      properties,
    })),
  ];
  // A line for each feature: a person can read it, and line tools can cut it.
  const lines = features.map((feature) => JSON.stringify(feature)).join(',\n');
  return `{"type":"FeatureCollection","features":[\n${lines}\n]}\n`;
}

function coordinatesOf({ longitude, latitude, altitudeMeters }: MapPoint['position']): number[] {
  return altitudeMeters === null ? [longitude, latitude] : [longitude, latitude, altitudeMeters];
}
