import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { distance } from 'fastest-levenshtein';
import { HeadlandError, messageOf } from '../base/errors.js';
import { decodeText } from '../base/words/text.js';
import { type ModelCard, parseCard } from './model-card.js';
import { fullPrecisionName, quantizedCard } from './variant.js';

/** Folder of the built-in cards. */
export function builtInCardsDir(): string {
  return fileURLToPath(new URL('../../../models/', import.meta.url));
}

/**
 * Every card, by name: those of `cardsDir` first, then those in `addedDir`, then the built-in ones.
 * Of two cards with one name the first counts.
 * @param addedDir Folder that `models add` writes; it may be absent.
 * @throws HeadlandError HL_MODEL_CARD_INVALID, HL_MODEL_CARDS_UNREADABLE
 */
export async function listCards(
  cardsDir: string | null,
  addedDir: string | null = null,
): Promise<ModelCard[]> {
  const cards = new Map<string, ModelCard>();
  for (const { dir, files } of await cardFolders(cardsDir, addedDir)) {
    for (const file of files) {
      const card = await readCard(join(dir, file));
      if (!cards.has(card.name)) cards.set(card.name, card);
    }
  }
  return [...cards.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The cards that `models add` wrote. @throws HeadlandError HL_MODEL_CARD_INVALID */
export async function addedCards(addedDir: string): Promise<ModelCard[]> {
  const files = await cardFiles(addedDir, ADDED);
  return Promise.all(files.map((file) => readCard(join(addedDir, file))));
}

/**
 * The card `name`, from the first folder that has it (see {@link listCards}); for `<name>-int8` the
 * 8-bit variant of that card.
 * @throws HeadlandError HL_MODEL_CARD_UNKNOWN, HL_MODEL_CARD_INVALID, HL_MODEL_CARDS_UNREADABLE
 */
export async function loadCard(
  name: string,
  cardsDir: string | null,
  addedDir: string | null = null,
): Promise<ModelCard> {
  const known: string[] = [];
  for (const { dir, files } of await cardFolders(cardsDir, addedDir)) {
    if (files.includes(`${name}.json`)) return readCard(join(dir, `${name}.json`));
    const base = fullPrecisionName(name);
    if (files.includes(`${base}.json`)) {
      const card = await readCard(join(dir, `${base}.json`));
      if (card.engine === 'onnx') return quantizedCard(card);
    }
    known.push(...files.map((file) => file.slice(0, -'.json'.length)));
  }
  const names = [...new Set(known)].sort();
  const nearest = [...names].sort((a, b) => distance(a, name) - distance(b, name))[0];
  throw new HeadlandError('HL_MODEL_CARD_UNKNOWN', `there is no model card named "${name}"`, {
    remedy: `Use a name that \`headland models list\` prints (nearest: ${nearest}).`,
    details: { name, known: names },
  });
}

async function cardFolders(
  cardsDir: string | null,
  addedDir: string | null,
): Promise<{ dir: string; files: string[] }[]> {
  const builtIn = builtInCardsDir();
  return [
    ...(cardsDir === null ? [] : [{ dir: cardsDir, files: await cardFiles(cardsDir) }]),
    // Before the built-in ones, so that a later version with a card of that name changes nothing.
    ...(addedDir === null ? [] : [{ dir: addedDir, files: await cardFiles(addedDir, ADDED) }]),
    { dir: builtIn, files: await cardFiles(builtIn) },
  ];
}

const CONFIGURED = {
  onStateDisk: false,
  remedy: 'Set models.cardsDir to a folder that this user may read, or to null.',
};
/** Trouble with the disk of the state folder must not keep the built-in backbones from serving. */
const ADDED = { onStateDisk: true, remedy: '' };

async function cardFiles(dir: string, { onStateDisk, remedy } = CONFIGURED): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((file) => file.endsWith('.json')).sort();
  } catch (cause) {
    if (onStateDisk) return [];
    throw new HeadlandError(
      'HL_MODEL_CARDS_UNREADABLE',
      `the folder of model cards ${dir} cannot be read: ${messageOf(cause)}`,
      {
        remedy,
        details: { dir },
        cause,
      },
    );
  }
}

async function readCard(path: string): Promise<ModelCard> {
  let value: unknown;
  try {
    const decoded = decodeText(await readFile(path));
    if (decoded.encoding === 'unknown') throw new Error(`it ${decoded.fault}`);
    value = JSON.parse(decoded.text);
  } catch (cause) {
    throw new HeadlandError(
      'HL_MODEL_CARD_INVALID',
      `model card ${path} is not readable JSON: ${messageOf(cause)}`,
      { remedy: 'Correct the syntax of this file.', details: { path }, cause },
    );
  }
  const card = parseCard(value, path);
  if (!path.endsWith(`/${card.name}.json`)) {
    throw new HeadlandError(
      'HL_MODEL_CARD_INVALID',
      `model card ${path} has the name "${card.name}"`,
      {
        remedy: `Rename the file to ${card.name}.json, or correct "name" in it.`,
        details: { path, name: card.name },
      },
    );
  }
  return {
    ...card,
    sources: card.sources.map((s) =>
      s.kind === 'file' ? { ...s, file: resolve(dirname(path), s.file) } : s,
    ),
  };
}
