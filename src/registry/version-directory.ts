import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadlandError, isHeadlandError } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import { decodeAnswers, encodeAnswers } from '../gate/answers/answer-codec.js';
import type { StoredAnswers } from '../gate/answers/sample-answer.js';
import { decodeGateRecord, encodeGateRecord, type GateRecord } from '../gate/gate-record.js';
import { parseTrial, type ShadowTrial } from '../gate/shadow.js';
import { decodeHead } from '../head/codec.js';
import type { Head } from '../head/head.js';
import { invalidHead } from '../head/invalid-head.js';
import {
  decodeCard,
  decodeLines,
  encodeCard,
  encodeLines,
  type HeadCard,
  sameBytes,
} from './head-card.js';
import { isDamage, isMissing, readRegular, writeOver } from './whole-files.js';

const WEIGHTS = 'weights';
const LABELS = 'labels';
const CARD = 'card.json';
const TRAINING_GROUPS = 'training-groups';
const GATE = 'gate.json';
const ANSWERS = 'answers';
/** Changes while the head is on trial; every other file is written once. */
const SHADOW = 'shadow.json';

/** A head with everything that is stored about it. */
export interface StoredHead {
  head: Head;
  card: HeadCard;
  /** Groups of the samples that the head was trained on; it must not be evaluated on them. */
  trainingGroups: string[];
}

/** Version directories of a registry, and those renamed as damaged, in ascending order. */
export async function listVersions(dir: string): Promise<{ valid: number[]; corrupt: number[] }> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const matching = (pattern: RegExp): number[] =>
    entries
      .flatMap((entry) => pattern.exec(entry)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  return {
    valid: matching(/^([1-9][0-9]{0,8})$/),
    corrupt: [...new Set(matching(/^([1-9][0-9]{0,8})\.corrupt(?:-\d+)?$/))],
  };
}

/**
 * The versions beyond the limit. The `keep` versions that served last stay, the serving one among
 * them, and so do the `keep` newest of the others. The newest version always stays, because its
 * number must not be used again.
 *
 * @param served Every version that ever served, ordered by its last switch.
 */
export function versionsToRemove(
  versions: readonly number[],
  served: readonly number[],
  current: number | null,
  keep: number,
): number[] {
  const others = versions.filter((version) => !served.includes(version));
  const formerly = served.filter((version) => version !== current && versions.includes(version));
  const kept = new Set([
    current,
    ...formerly.slice(-(keep - 1)),
    ...others.slice(-keep),
    versions.at(-1),
  ]);
  return versions.filter((version) => !kept.has(version));
}

/** The files of a version directory as they are written. */
export function versionFiles(
  weights: Uint8Array,
  trainingGroups: readonly string[],
  card: Omit<HeadCard, 'weightsSha256' | 'trainingGroupsSha256'>,
  gate: GateRecord | null,
  answers: StoredAnswers | null,
): Record<string, Uint8Array> {
  const groups = encodeLines(trainingGroups);
  const encoded = encodeCard({
    ...card,
    weightsSha256: sha256Hex(weights),
    trainingGroupsSha256: sha256Hex(groups),
  });
  // A card that cannot be read back must not be written.
  decodeCard(encoded);
  return {
    [WEIGHTS]: weights,
    [LABELS]: encodeLines(card.labels),
    [CARD]: encoded,
    [TRAINING_GROUPS]: groups,
    ...(gate ? { [GATE]: encodeGateRecord(gate) } : {}),
    ...(answers ? { [ANSWERS]: encodeAnswers(answers) } : {}),
  };
}

/**
 * Reads a version directory and checks every byte of it.
 *
 * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION when there is no such directory, HL_HEAD_INVALID
 *   when a file is missing, unreadable or changed
 */
export async function readVersion(directory: string, version: number): Promise<StoredHead> {
  const card = await readCard(directory, version);
  const weights = await part(directory, WEIGHTS);
  if (sha256Hex(weights) !== card.weightsSha256) {
    throw invalidHead(`head ${version}: the checksum of its weights is wrong`);
  }
  const head = decodeHead(weights);
  if (!sameBytes(await part(directory, LABELS), encodeLines(head.labels))) {
    throw invalidHead(`head ${version}: its labels are not those of its weights`);
  }
  if (!isCardOf(card, head)) throw invalidHead(`head ${version}: its card is that of another head`);
  const groups = await part(directory, TRAINING_GROUPS);
  if (sha256Hex(groups) !== card.trainingGroupsSha256) {
    throw invalidHead(`head ${version}: the checksum of its list of training groups is wrong`);
  }
  return { head, card, trainingGroups: decodeLines(groups) };
}

function isCardOf(card: HeadCard, head: Head): boolean {
  return (
    card.featureSize === head.featureSize &&
    card.backbone.checksum === head.backboneChecksum &&
    sameBytes(encodeLines(card.labels), encodeLines(head.labels))
  );
}

/**
 * Reads only the card of a version.
 *
 * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION | HL_HEAD_INVALID
 */
export async function readCard(directory: string, version: number): Promise<HeadCard> {
  await checkFolder(directory, version);
  const card = decodeCard(await part(directory, CARD));
  if (card.version !== version) {
    throw invalidHead(`head ${version}: its card belongs to version ${card.version}`);
  }
  return card;
}

/** @throws HeadlandError HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID when something else is in its place */
async function checkFolder(directory: string, version: number): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(directory)).isDirectory();
  } catch (error) {
    if (isMissing(error)) throw unknownVersion(version);
    if (!isDamage(error)) throw error;
    isFolder = false;
  }
  if (!isFolder) throw invalidHead(`head ${version}: ${directory} is not a folder`);
}

/**
 * Reads the gate's record; null for a head that no gate has judged. A head serves without a record.
 *
 * @throws HeadlandError HL_HEAD_INVALID when the record was changed after it was written
 */
export async function readGateRecord(directory: string): Promise<GateRecord | null> {
  const bytes = await optionalPart(directory, GATE);
  return bytes && decodeGateRecord(bytes);
}

/**
 * Reads what a head answered to the labelled samples; null for a version of an earlier headland. A
 * head serves without it.
 *
 * @throws HeadlandError HL_HEAD_INVALID when the file was changed after it was written
 */
export async function readAnswers(directory: string): Promise<StoredAnswers | null> {
  const bytes = await optionalPart(directory, ANSWERS);
  return bytes && decodeAnswers(bytes);
}

/** The trial of a version; null when there is no readable one. */
export async function readTrial(directory: string): Promise<ShadowTrial | null> {
  try {
    const bytes = await optionalPart(directory, SHADOW);
    return bytes && parseTrial(bytes.toString());
  } catch (error) {
    if (!isHeadlandError(error, 'HL_HEAD_INVALID')) throw error;
    return null;
  }
}

/** Durable when it resolves. */
export async function writeTrial(directory: string, trial: ShadowTrial): Promise<void> {
  await writeOver(join(directory, SHADOW), `${JSON.stringify(trial)}\n`);
}

export function unknownVersion(version: number): HeadlandError {
  return new HeadlandError('HL_HEAD_UNKNOWN_VERSION', `there is no head ${version}`, {
    remedy: 'Name one of the versions that `headland models heads` lists.',
    details: { version },
  });
}

async function optionalPart(directory: string, name: string): Promise<Buffer | null> {
  try {
    return await readRegular(join(directory, name));
  } catch (error) {
    if (isMissing(error)) return null;
    throw unreadable(directory, name, error);
  }
}

async function part(directory: string, name: string): Promise<Uint8Array> {
  try {
    return await readRegular(join(directory, name));
  } catch (error) {
    throw unreadable(directory, name, error);
  }
}

/** Other errors than damage say nothing about the head, and stay as they are. */
function unreadable(directory: string, name: string, error: unknown): unknown {
  if (!isDamage(error)) return error;
  return invalidHead(`${directory}: ${name} cannot be read (${error.code})`, error);
}
