/** A classifier that a study measures. */
export type Variant = { id: string; kind: 'backbone' } | NetworkVariant;

/** A network from scratch and its training. */
export interface NetworkVariant {
  /** As on the command line, in canonical order: `augmentation+l2=0.001`. */
  id: string;
  kind: 'network';
  augmentation: boolean;
  /** 0..1 exclusive; 0 = none. */
  dropout: number;
  /** Penalty on all kernels; 0 = none. */
  l2: number;
  learningRate: number;
}

/** Keras' default of Adam. */
export const USUAL_LEARNING_RATE = 1e-3;

/** The steps of the tutorial, each alone and together, and a learning rate on either side. */
export const DEFAULT_VARIANTS = [
  'backbone',
  'plain',
  'augmentation',
  'dropout=0.5',
  'l2=0.001',
  'augmentation+dropout=0.5',
  'augmentation+l2=0.001',
  'lr=0.0003',
  'lr=0.003',
].join(',');

const TERMS = 'backbone, plain, augmentation, dropout=RATE, l2=PENALTY, lr=RATE';

/** Exclusive bounds; a network outside of them could not learn. */
const RANGES = { dropout: [0, 1], l2: [0, 1], lr: [0, 1] } as const;

/**
 * Reads `backbone,plain,augmentation+l2=0.001,lr=0.003`: variants separated by commas, their terms
 * by `+`. `plain` is a network without any of them. Repetitions count once.
 *
 * @throws RangeError that names the part that cannot be read
 */
export function parseVariants(text: string): Variant[] {
  const variants = new Map<string, Variant>();
  for (const part of text.split(',')) {
    const variant = parseVariant(part.trim());
    variants.set(variant.id, variant);
  }
  return [...variants.values()];
}

function parseVariant(text: string): Variant {
  if (text === 'backbone') return { id: text, kind: 'backbone' };
  const settings = { augmentation: false, dropout: 0, l2: 0, learningRate: USUAL_LEARNING_RATE };
  const terms = text.split('+').map((term) => term.trim());
  const names = terms.map((term) => term.split('=', 1)[0] as string);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`"${text}" has ${twice} twice`);
  for (const term of terms) {
    if (term === 'plain' && terms.length === 1) break;
    if (term === 'augmentation') {
      settings.augmentation = true;
      continue;
    }
    const [name, value = ''] = term.split('=', 2);
    if (name !== 'dropout' && name !== 'l2' && name !== 'lr') {
      throw new RangeError(`"${text}" is no variant; terms are ${TERMS}`);
    }
    const number = value.trim() === '' ? Number.NaN : Number(value);
    const [above, below] = RANGES[name];
    if (!(number > above && number < below)) {
      throw new RangeError(`"${term}": give a number above ${above} and below ${below}`);
    }
    settings[name === 'lr' ? 'learningRate' : name] = number;
  }
  return network(settings);
}

/** The variant with these settings. */
export function network(settings: Omit<NetworkVariant, 'id' | 'kind'>): NetworkVariant {
  const { augmentation, dropout, l2, learningRate } = settings;
  const terms = [
    augmentation ? 'augmentation' : '',
    dropout > 0 ? `dropout=${dropout}` : '',
    l2 > 0 ? `l2=${l2}` : '',
    learningRate === USUAL_LEARNING_RATE ? '' : `lr=${learningRate}`,
  ].filter((term) => term !== '');
  return { id: terms.join('+') || 'plain', kind: 'network', ...settings };
}

/** For tables: "Network, augmentation, dropout 0.5". */
export function variantName(variant: Variant): string {
  if (variant.kind === 'backbone') return 'Frozen backbone + head';
  return ['Network from scratch', ...traits(variant)].join(', ');
}

/** The differences from the plain network: ["augmentation", "dropout 0.5"]. */
export function traits({ augmentation, dropout, l2, learningRate }: NetworkVariant): string[] {
  return [
    augmentation ? 'augmentation' : '',
    dropout > 0 ? `dropout ${dropout}` : '',
    l2 > 0 ? `L2 ${l2}` : '',
    learningRate === USUAL_LEARNING_RATE ? '' : `learning rate ${learningRate}`,
  ].filter((trait) => trait !== '');
}
