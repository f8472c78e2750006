/** One sample as a server reads it. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  type: string;
  help: string;
  samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
// A line ends with \n alone: the other line terminators of JavaScript may stand in labels.
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`, 's');
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`);
const PAIR = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=.)|$)/sy;

/**
 * Reads the text format of Prometheus more strictly than a server does: every family has HELP and TYPE
 * once, in this order, and its samples follow without a gap and without a repetition.
 * @throws Error with the line
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const reader = new ExpositionReader();
  for (const line of text.slice(0, -1).split('\n')) reader.read(line);
  const untyped = [...reader.families].find(([, { type }]) => type === '');
  if (untyped) throw new Error(`${untyped[0]} has no TYPE`);
  return reader.families;
}

class ExpositionReader {
  readonly families = new Map<string, Family>();
  readonly #seen = new Set<string>();
  #current: { name: string; family: Family } | null = null;

  read(line: string): void {
    const [, helped, help] = HELP.exec(line) ?? [];
    const [, typed, type] = TYPE.exec(line) ?? [];
    if (helped !== undefined && help !== undefined) this.#help(helped, help, line);
    else if (typed !== undefined && type !== undefined) this.#type(typed, type, line);
    else this.#sample(line);
  }

  #help(name: string, help: string, line: string): void {
    if (this.families.has(name)) throw new Error(`a family comes twice: ${line}`);
    this.#current = { name, family: { type: '', help, samples: [] } };
    this.families.set(name, this.#current.family);
  }

  #type(name: string, type: string, line: string): void {
    const current = this.#current;
    if (current?.name !== name || current.family.type !== '') {
      throw new Error(`TYPE without its HELP: ${line}`);
    }
    current.family.type = type;
  }

  #sample(line: string): void {
    const sample = sampleOf(line);
    if (sample === null) throw new Error(`no sample: ${line}`);
    const { name, family } = this.#current ?? {};
    if (family === undefined || family.type === '') {
      throw new Error(`a sample without its family: ${line}`);
    }
    const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!suffixes.some((suffix) => sample.name === name + suffix)) {
      throw new Error(`a sample of another family: ${line}`);
    }
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (this.#seen.has(key)) throw new Error(`a sample comes twice: ${line}`);
    this.#seen.add(key);
    family.samples.push(sample);
  }
}

function sampleOf(line: string): Sample | null {
  const [, name, pairs = '', number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) return null;
  const labels: Record<string, string> = {};
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < pairs.length) {
    const [, key, value] = PAIR.exec(pairs) ?? [];
    if (key === undefined || value === undefined || key in labels) return null;
    labels[key] = value.replace(/\\(.)/gs, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  const value = { NaN: Number.NaN, '+Inf': Infinity, '-Inf': -Infinity }[number] ?? Number(number);
  return number !== 'NaN' && Number.isNaN(value) ? null : { name, labels, value };
}

/** The conventions of Prometheus that its linter does not know. @returns what breaks them */
export function conventionsBroken(families: ReadonlyMap<string, Family>): string[] {
  return [...families].flatMap(([name, { type, help }]) => [
    ...(/^(headland|process)_[a-z0-9_]+$/.test(name) ? [] : [`${name}: not in the name space`]),
    ...((type === 'counter') === name.endsWith('_total') ? [] : [`${name}: is a ${type}`]),
    ...(/_(ms|milliseconds|minutes|kb|mb|percent|fahrenheit|count)(_|$)/.test(name)
      ? [`${name}: not a base unit`]
      : []),
    ...(/^[A-Z0-9].*[.]$/.test(help) ? [] : [`${name}: its help is no sentence`]),
  ]);
}
