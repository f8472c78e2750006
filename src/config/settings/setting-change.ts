/** A wish to change one setting. */
export interface SettingChange {
  /** `mqtt.url`, `cameras[0].crop`. The index after the last entry of a list adds one. */
  path: string;
  /** The new value, of plain JSON. Absent: the setting is removed, and its default applies. */
  value?: unknown;
}

/** When a change takes effect: `reload` by the same process, `restart` by another. */
export type AppliesBy = 'reload' | 'restart';
