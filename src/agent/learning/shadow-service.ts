import { isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { GateRecord } from '../../gate/gate-record.js';
import { type HeadAnswer, headAnswers } from '../../gate/scorecard.js';
import {
  alarmAt,
  describeTrial,
  newTrial,
  observed,
  type ShadowObservation,
  type ShadowTrial,
} from '../../gate/shadow.js';
import type { Head } from '../../head/head.js';
import { headProbabilities } from '../../head/score.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { Sample } from '../../samples/sample.js';
import type { SampleStore } from '../../samples/store.js';
import type { HeadService } from './head-service.js';

const CHECK_INTERVAL_MS = 1_000;

export interface ShadowSettings {
  /** Number of labels that a trial lasts; 0 = off. */
  shadowLabels: number;
  /** Odds at which the shadow head always takes over. */
  rollbackAlarm: number;
  /** Lowest odds at which it may take over. */
  trialAlarm: number;
}

export interface ShadowParts {
  registry: HeadRegistry;
  samples: SampleStore;
  heads: Pick<HeadService, 'serving' | 'rollback' | 'promote'>;
  settings: ShadowSettings;
  /** Nobody may change the serving head now; default: everybody may. */
  isHeld?: () => boolean;
  /** Called when the shadow head has taken over. */
  onSwitched(trial: ShadowTrial): void;
  repeats: Repeats;
  log: Log;
}

/** A trial with both heads loaded. */
interface OpenTrial {
  trial: ShadowTrial;
  current: StoredHead;
  previous: StoredHead;
}

/**
 * Compares the serving head with a shadow head: the head that it replaced, or a newer one that the gate
 * refused. Each new label of a sample that neither has been trained on is compared with the answers of
 * both heads. When the odds show that the shadow head is better, it takes over. Labels are read from
 * the store, so that those of other processes count, too. Trials are kept in the registry, so that they
 * survive a restart. While a head is pinned, none takes over; a decided trial switches when the pin ends.
 */
export class ShadowService {
  /** The serving head at the last check, whether it has a trial or not. */
  #seen: StoredHead | null = null;
  #open: OpenTrial | null = null;
  /** The newest version at the last check, whether it is a candidate or not. */
  #newest: number | null = null;
  #candidate: OpenTrial | null = null;
  #repetition: Repetition | null = null;
  #last: Promise<void> = Promise.resolve();
  /** Message of the last error. */
  #lastError: string | null = null;

  constructor(private readonly parts: ShadowParts) {}

  start(): void {
    this.#repetition = this.parts.repeats.every({
      name: 'shadow',
      what: 'update the shadow trial',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => (this.parts.isHeld?.() === true ? undefined : this.check()),
    });
  }

  /** Resolves when no check is in progress. */
  async stop(): Promise<void> {
    void this.#repetition?.stop();
    await this.#last;
  }

  /** The trial of the serving head; null: it has none. */
  get trial(): ShadowTrial | null {
    return this.#open?.trial ?? null;
  }

  /** The trial of the newest head if the gate refused it; null: there is none. */
  get candidate(): ShadowTrial | null {
    return this.#candidate?.trial ?? null;
  }

  /** Processes the labels since the last check. Never throws: the next check retries after an error. */
  check(): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        await this.#check();
      } catch (error) {
        this.#logError(error);
      }
    });
    return this.#last;
  }

  /** Logs a repeated error at debug level, because a check runs every second. */
  #logError(error: unknown): void {
    const { log } = this.parts;
    const message = messageOf(error);
    const level = message === this.#lastError ? 'debug' : 'error';
    this.#lastError = message;
    if (isHeadlandError(error)) log[level]({ code: error.code }, message);
    else log[level]({ err: error }, 'cannot update the shadow trial');
  }

  async #check(): Promise<void> {
    const { heads, registry, settings } = this.parts;
    const { serving } = heads;
    if (settings.shadowLabels === 0) return;
    if (serving !== this.#seen) {
      this.#open = serving && (await this.#begin(serving));
      this.#candidate = null;
      this.#newest = null;
      this.#seen = serving;
    }
    const newest = await registry.newest();
    if (serving && newest !== this.#newest) {
      this.#candidate = await this.#beginCandidate(serving, newest);
      this.#newest = newest;
    }
    if (this.#open) await this.#follow(this.#open);
    if (this.#candidate && heads.serving === serving) await this.#follow(this.#candidate);
  }

  async #follow(open: OpenTrial): Promise<void> {
    const { registry, samples } = this.parts;
    if (open.trial.outcome === 'running') {
      const changes = samples.labelsSince(open.trial.revision);
      if (changes.length === 0) return;
      for (const { revision, sampleId, renamed } of changes) {
        open.trial = { ...open.trial, revision };
        if (renamed) continue;
        const observation = this.#observe(open, samples.get(sampleId));
        if (observation) open.trial = observed(open.trial, observation, Date.now());
        if (open.trial.outcome !== 'running') break;
      }
      await registry.keepShadowTrial(open.trial);
    }
    if (open.trial.outcome === 'rolled-back') await this.#rollBack(open.trial);
    if (open.trial.outcome === 'promoted') await this.#promote(open.trial);
  }

  /** Continues the trial of the serving head, or begins one if it has replaced another head. */
  async #begin(current: StoredHead): Promise<OpenTrial | null> {
    const { registry, log } = this.parts;
    const { version } = current.card;
    const last = await registry.lastSwitch();
    const took = last?.event === 'promoted' || last?.event === 'found';
    if (!last || !took || last.version !== version || last.previous === null) return null;
    if (last.previous === version) return null;
    let previous: StoredHead;
    try {
      previous = await registry.load(last.previous);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      log.warn({ version, code: error.code }, 'no shadow trial: cannot load the replaced head');
      return null;
    }
    // Stored features come from one backbone only, so both heads must use the same.
    if (previous.head.backboneChecksum !== current.head.backboneChecksum) return null;
    return this.#openTrial('serving', last.at, current, previous);
  }

  /** Begins a trial of the newest head if the gate refused it only for lack of gain. */
  async #beginCandidate(serving: StoredHead, newest: number | null): Promise<OpenTrial | null> {
    if (newest === null || newest <= serving.card.version) return null;
    const found = await this.#readRefused(newest);
    if (!found) return null;
    const [refused, record] = found;
    const { champion, newlyLearnt } = record?.input ?? {};
    const failed = record?.decision.checks.filter(({ passed }) => !passed) ?? [];
    const onlyGain = failed.length === 1 && failed[0]?.name === 'expected-gain';
    if (!onlyGain || newlyLearnt === 0 || champion?.version !== serving.card.version) return null;
    if (refused.head.backboneChecksum !== serving.head.backboneChecksum) return null;
    return this.#openTrial('candidate', refused.card.createdAt, refused, serving);
  }

  /** The newest head with the record of its gate; null: damaged, which each check would meet again. */
  async #readRefused(version: number): Promise<[StoredHead, GateRecord | null] | null> {
    const { registry, log } = this.parts;
    try {
      return await Promise.all([registry.load(version), registry.gateRecord(version)]);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      log.warn({ version, code: error.code }, 'no shadow trial: cannot load the newest head');
      return null;
    }
  }

  /** Continues a trial that began before a restart, or begins a new one. */
  async #openTrial(
    role: ShadowTrial['role'],
    since: string,
    current: StoredHead,
    previous: StoredHead,
  ): Promise<OpenTrial> {
    const { registry, samples, settings, log } = this.parts;
    const { version, gate } = current.card;
    const known = await registry.shadowTrial(version);
    const same =
      known?.role === role && known.since === since && known.previous === previous.card.version;
    if (known && same) return { trial: known, current, previous };
    const trial = newTrial({
      role,
      version,
      previous: previous.card.version,
      since,
      revision: samples.labelRevision(),
      maxLabels: settings.shadowLabels,
      alarmAt: alarmAt(gate.checks, settings),
      classes: new Set([...current.head.labels, ...previous.head.labels]).size,
    });
    await registry.keepShadowTrial(trial);
    const shadow = role === 'serving' ? trial.previous : version;
    log.info({ version, previous: trial.previous, shadow }, 'shadow trial started');
    return { trial, current, previous };
  }

  /** The answers of both heads to a sample; null when it is not independent evidence for both. */
  #observe(
    { trial, current, previous }: OpenTrial,
    sample: Sample | null,
  ): ShadowObservation | null {
    if (!sample || sample.label === null) return null;
    const { id, group, label } = sample;
    if (trial.observations.some(({ sampleId }) => sampleId === id)) return null;
    if (current.trainingGroups.includes(group) || previous.trainingGroups.includes(group)) {
      return null;
    }
    const checksum = current.head.backboneChecksum;
    const features = this.parts.samples.features([id], checksum, '', 0).get(id)?.[0];
    if (!features) return null;
    return {
      sampleId: id,
      group,
      label,
      previous: answer(previous.head, features, label),
      current: answer(current.head, features, label),
    };
  }

  async #rollBack(trial: ShadowTrial): Promise<void> {
    const { registry, heads, log, onSwitched } = this.parts;
    if ((await registry.current()) !== trial.version || (await registry.pinned()) !== null) return;
    await heads.rollback(trial.previous, 'shadow');
    log.warn({ version: trial.version, previous: trial.previous }, describeTrial(trial));
    onSwitched(trial);
  }

  async #promote(trial: ShadowTrial): Promise<void> {
    const { registry, heads, log, onSwitched } = this.parts;
    if ((await registry.current()) !== trial.previous || (await registry.pinned()) !== null) return;
    await heads.promote(trial.version, 'shadow');
    log.info({ version: trial.version, previous: trial.previous }, describeTrial(trial));
    onSwitched(trial);
  }
}

function answer(head: Head, features: Float32Array, truth: string): ShadowObservation['current'] {
  const [{ label, probability }] = headAnswers(headProbabilities(head, features), head.labels, [
    truth,
  ]) as [HeadAnswer];
  return { label, probability };
}
