export interface ConfigProblem {
  /** Dotted path of the setting: `cameras[0].widthPixels`. */
  path: string;
  message: string;
  /** Of the file, from 1; absent: it does not stand in the file. */
  line?: number;
}
