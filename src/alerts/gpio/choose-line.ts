import { HeadlandError } from '../../base/errors.js';

/** A line as the configuration names it: by number or by name, one of them null. */
export interface LineChoice {
  line: number | null;
  lineName: string | null;
  /** Null: on any chip, if that leaves no doubt. */
  chipLabel: string | null;
}

/** A chip as the kernel lists it. */
export interface KnownChip {
  label: string;
  /** Number of its lines. */
  lines: number;
  /** Name of each line, null for one without; null as a whole: the kernel does not tell names here. */
  names: readonly (string | null)[] | null;
}

interface Place<Chip> {
  chip: Chip;
  line: number;
}

/** Chips of the pin header of a Raspberry Pi 3, 4 and 5. Their line numbers are BCM numbers. */
const HEADER_CHIPS = ['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1'];

/** A message has room for this many lines. */
const MAX_LISTED = 24;

/**
 * Finds the line that the configuration means.
 * @throws HeadlandError HL_GPIO_LINE_UNKNOWN; HL_GPIO_LINE_AMBIGUOUS when several lines could be meant
 */
export function chooseLine<Chip extends KnownChip>(
  choice: LineChoice,
  chips: readonly Chip[],
): Place<Chip> {
  const allowed = chips.filter(
    ({ label }) => choice.chipLabel === null || label === choice.chipLabel,
  );
  const places =
    choice.lineName === null
      ? placesOfNumber(choice.line ?? 0, choice.chipLabel, allowed)
      : placesOfName(choice.lineName, allowed);
  const [place, ...others] = places;
  if (place === undefined) throw unknownLine(choice, chips);
  if (others.length > 0) throw ambiguousLine(choice, places);
  return place;
}

/** Which lines a number can mean. Without a label, a chip of a known header comes before all others. */
function placesOfNumber<Chip extends KnownChip>(
  line: number,
  chipLabel: string | null,
  chips: readonly Chip[],
): Place<Chip>[] {
  const header = chips.filter(isHeader);
  const meant = chipLabel === null && header.length === 1 ? header : chips;
  // Without a label the other chips count too: the same number means another line on each.
  return meant.filter(({ lines }) => line < lines).map((chip) => ({ chip, line }));
}

function placesOfName<Chip extends KnownChip>(name: string, chips: readonly Chip[]): Place<Chip>[] {
  const named = chips.flatMap((chip) =>
    (chip.names ?? []).flatMap((each, line) => (each === name ? [{ chip, line }] : [])),
  );
  if (named.length > 0) return named;
  // Kernels name some header lines by their second function, and sysfs names none.
  const bcm = /^GPIO(\d{1,2})$/.exec(name);
  if (!bcm) return [];
  const line = Number(bcm[1]);
  return chips
    .filter((chip) => isHeader(chip) && line < chip.lines)
    .map((chip) => ({ chip, line }));
}

function isHeader({ label }: KnownChip): boolean {
  return HEADER_CHIPS.includes(label);
}

/** "line 17 of pinctrl-bcm2711", as the configuration states it. */
export function describeChoice({ line, lineName, chipLabel }: LineChoice): string {
  const what = lineName === null ? `line ${line}` : `line named "${lineName}"`;
  return chipLabel === null ? what : `${what} of chip "${chipLabel}"`;
}

function unknownLine(choice: LineChoice, chips: readonly KnownChip[]): HeadlandError {
  const known = chips.map((c) => `${c.label} (lines 0 to ${c.lines - 1})`).join(', ');
  const nameless = choice.lineName !== null && chips.every(({ names }) => names === null);
  return new HeadlandError(
    'HL_GPIO_LINE_UNKNOWN',
    `no GPIO chip has the ${describeChoice(choice)}${nameless ? ', and sysfs tells no line names' : ''}`,
    {
      remedy: `Correct line, lineName or chipLabel in the section gpio. \`headland gpio list\` prints every line. This board has ${known}.`,
      details: { choice, chips: chips.map(({ label, lines }) => ({ label, lines })) },
    },
  );
}

function ambiguousLine(choice: LineChoice, places: readonly Place<KnownChip>[]): HeadlandError {
  const lines = places.map(({ chip, line }) => {
    const name = chip.names?.[line] ?? null;
    return `{ chipLabel: ${chip.label}, line: ${line} }${name === null ? '' : ` (${name})`}`;
  });
  const rest = lines.length > MAX_LISTED ? `, and ${lines.length - MAX_LISTED} more` : '';
  const remedy = isDistinct(places)
    ? 'Add the chipLabel of the line that you mean'
    : 'Use lineName, because chips share a label';
  return new HeadlandError(
    'HL_GPIO_LINE_AMBIGUOUS',
    `${describeChoice(choice)} can mean ${places.length} lines of this board`,
    {
      remedy: `${remedy}: ${lines.slice(0, MAX_LISTED).join(', ')}${rest}.`,
      details: { choice, lines },
    },
  );
}

function isDistinct(places: readonly Place<KnownChip>[]): boolean {
  return new Set(places.map(({ chip, line }) => `${chip.label} ${line}`)).size === places.length;
}
