export interface ConfigProblem {
  /** Dotted path of the setting: `cameras[0].widthPixels`. */
  path: string;
  message: string;
}
