import { isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
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

const LOOK_INTERVAL_MS = 1_000;

export interface ShadowSettings {
  /** 0 = off. */
  shadowLabels: number;
  /** Odds for the head in the shadow that always suffice. */
  rollbackAlarm: number;
  /** Odds that are asked for at least. */
  trialAlarm: number;
}

export interface ShadowParts {
  registry: HeadRegistry;
  samples: SampleStore;
  heads: Pick<HeadService, 'serving' | 'rollback' | 'promote'>;
  settings: ShadowSettings;
  /** The head in the shadow serves; `trial` says which and why. */
  onSwitched(trial: ShadowTrial): void;
  log: Log;
}

/** A trial with both heads at hand. */
interface OpenTrial {
  trial: ShadowTrial;
  current: StoredHead;
  previous: StoredHead;
}

/**
 * Keeps the head that a promotion replaced in the shadow of the new one, and a head that the gate
 * refused in the shadow of the one that serves: each label that comes for a sample that neither has
 * learnt is held against both, and when the odds say that the one in the shadow is better it serves.
 * Labels are read from the store, so that it does not matter which process took them; the trials stand
 * in the registry, so that a restart forgets nothing.
 */
export class ShadowService {
  /** The serving head that was looked at last, whether it has a trial or not. */
  #seen: StoredHead | null = null;
  #open: OpenTrial | null = null;
  /** The newest version that was looked at, whether it is a candidate or not. */
  #newest: number | null = null;
  #candidate: OpenTrial | null = null;
  #timer: NodeJS.Timeout | null = null;
  #last: Promise<void> = Promise.resolve();
  /** Why the last look failed. */
  #complaint: string | null = null;

  constructor(private readonly parts: ShadowParts) {}

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#last;
  }

  /** The trial of the serving head as it stands; null: it has none. */
  get trial(): ShadowTrial | null {
    return this.#open?.trial ?? null;
  }

  /** The trial of the newest head that the gate refused; null: there is none. */
  get candidate(): ShadowTrial | null {
    return this.#candidate?.trial ?? null;
  }

  /** Takes the labels that came since the last look. Never throws: what fails is tried again. */
  look(): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        await this.#look();
      } catch (error) {
        this.#complain(error);
      }
    });
    return this.#last;
  }

  /** Said once: the next look is a second away. */
  #complain(error: unknown): void {
    const { log } = this.parts;
    const message = messageOf(error);
    const level = message === this.#complaint ? 'debug' : 'error';
    this.#complaint = message;
    if (isHeadlandError(error)) log[level]({ code: error.code }, message);
    else log[level]({ err: error }, 'the replaced head could not be followed');
  }

  async #look(): Promise<void> {
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
      for (const { revision, sampleId } of changes) {
        open.trial = { ...open.trial, revision };
        const observation = this.#observe(open, samples.get(sampleId));
        if (observation) open.trial = observed(open.trial, observation, Date.now());
        if (open.trial.outcome !== 'running') break;
      }
      await registry.keepShadowTrial(open.trial);
    }
    if (open.trial.outcome === 'rolled-back') await this.#rollBack(open.trial);
    if (open.trial.outcome === 'promoted') await this.#promote(open.trial);
  }

  /** Continues the trial of a head, or begins one if it took over from another. */
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
      log.warn({ version, code: error.code }, 'the replaced head is gone: no trial');
      return null;
    }
    // Frames have the features of one backbone only.
    if (previous.head.backboneChecksum !== current.head.backboneChecksum) return null;
    return this.#openTrial('serving', last.at, current, previous);
  }

  /** Lets the newest head, when the gate preferred the serving one to it, wait in its shadow. */
  async #beginCandidate(serving: StoredHead, newest: number | null): Promise<OpenTrial | null> {
    const { registry } = this.parts;
    if (newest === null || newest <= serving.card.version) return null;
    const [refused, record] = await Promise.all([
      registry.load(newest),
      registry.gateRecord(newest),
    ]);
    const { champion, newlyLearnt } = record?.input ?? {};
    const failed = record?.decision.checks.filter(({ passed }) => !passed) ?? [];
    const onlyGain = failed.length === 1 && failed[0]?.name === 'expected-gain';
    if (!onlyGain || newlyLearnt === 0 || champion?.version !== serving.card.version) return null;
    if (refused.head.backboneChecksum !== serving.head.backboneChecksum) return null;
    return this.#openTrial('candidate', refused.card.createdAt, refused, serving);
  }

  /** Goes on with a trial that was begun before a restart, or begins it. */
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
    log.info({ version, previous: trial.previous, shadow }, 'a head stays in the shadow');
    return { trial, current, previous };
  }

  /** What both heads say to a sample; null when it is no evidence for both. */
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
    if ((await registry.current()) !== trial.version) return;
    await heads.rollback(trial.previous);
    log.warn({ version: trial.version, previous: trial.previous }, describeTrial(trial));
    onSwitched(trial);
  }

  async #promote(trial: ShadowTrial): Promise<void> {
    const { registry, heads, log, onSwitched } = this.parts;
    if ((await registry.current()) !== trial.previous) return;
    await heads.promote(trial.version);
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
