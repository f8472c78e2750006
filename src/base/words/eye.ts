/** A camera, or one region of its image. */
export interface Eye {
  /** Name of the camera, as configured. */
  camera: string;
  /** Name of the region; null: the whole image. */
  region: string | null;
}

/** Identity of an eye: `<camera>` or `<camera>/<region>`. Names contain no slash. */
export function eyeOf({ camera, region }: Eye): string {
  return region === null ? camera : `${camera}/${region}`;
}
