import type { Agent } from '../../agent/agent.js';
import { agentStatus, type TaskStatus } from '../../agent/status.js';
import { logText } from '../../base/log-text.js';
import { redactText } from '../../base/redact.js';
import { isRecord } from '../../base/values/is-record.js';
import { visible } from '../../base/words/text.js';
import type { TrainingReport } from '../../training/report.js';
import { type Progress, showProgress } from '../progress/progress.js';
import { trainingStep } from '../progress/training-step.js';
import { layOutTable, textColumns } from '../support/prose.js';
import { type SeenStatus, seen, statusChanges } from './status-changes.js';

/** A status is made at most so often. */
const LOOK_INTERVAL_MS = 250;
const WARN_LEVEL = 40;

type Output = Pick<NodeJS.WriteStream, 'write'> &
  Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

/**
 * What a person at a terminal sees of `headland run`: a line for each event, with the time of day,
 * and a bar for a training. Other entries of the log appear if they are warnings, or if the log
 * level asks for more than `info`.
 */
export class RunScreen {
  readonly #progress: Progress;
  #agent: Agent | null = null;
  #seen: SeenStatus | null = null;
  #looking: NodeJS.Timeout | null = null;
  #isReady = false;
  #isTraining = false;

  constructor(
    private readonly out: Output,
    /** All entries of the log. */
    private readonly isVerbose: boolean,
  ) {
    this.#progress = showProgress(out);
    this.#progress.begin('starting');
  }

  /** Follows an agent, which replaces the one before. */
  follow(agent: Agent): void {
    this.#agent = agent;
    this.#seen = null;
    const named = agent.config.tasks.length > 0;
    const of = (task: string): string => (named ? ` of ${task}` : '');
    const isCurrent = (): boolean => this.#agent === agent;
    agent.on('status', () => {
      if (isCurrent()) this.#look();
    });
    agent.on('head', (task, stored) => {
      if (!isCurrent() || !this.#isReady) return;
      this.line(
        stored === null
          ? `no head${of(task)} decides`
          : `head ${stored.card.version}${of(task)} decides from the next frame on`,
      );
    });
    agent.on('trainingProgress', (task, progress) => {
      if (!isCurrent()) return;
      if (!this.#isTraining) this.line(`training${of(task)} started`);
      this.#isTraining = true;
      this.#progress.show(trainingStep(progress));
    });
    agent.on('trainingReport', (report) => {
      if (isCurrent()) this.#trained(report, of(report.task));
    });
  }

  /** The agent has started. */
  ready(): void {
    const agent = this.#agent;
    if (agent === null) return;
    const status = agentStatus(agent);
    this.#seen = seen(status);
    this.#isReady = true;
    const cameras = status.cameras.map(({ name }) => name).join(', ');
    this.line(`ready: ${status.robot} watches ${cameras || 'no camera'}`);
    for (const task of status.tasks) this.line(headText(task, status.namedTasks));
    if (status.consoleUrl !== null) this.line(`page: ${status.consoleUrl}`);
    this.line(`broker: ${status.mqtt.url}`);
    for (const { message, code, remedy } of status.alarms) {
      this.line(`alarm: ${message} (${code}). ${remedy}`);
    }
  }

  /** An entry of the log as JSON. */
  log(json: string): void {
    const entry = parsed(json);
    // Alarms and cameras are told from the status.
    const isTold = entry.alarm !== undefined || String(entry.msg).startsWith('reopening camera');
    const isWorth =
      this.isVerbose ||
      Number(entry.level) >= WARN_LEVEL ||
      String(entry.msg).startsWith('fetching the backbone');
    if (!isWorth || (isTold && !this.isVerbose)) return;
    for (const text of this.isVerbose || isRecord(entry.err) ? logText(json) : [warning(entry)]) {
      this.line(text);
    }
  }

  line(text: string): void {
    this.#progress.stop();
    const time = new Date().toTimeString().slice(0, 8);
    const columns = textColumns(this.out, process.env);
    this.out.write(`${layOutTable([[time, visible(redactText(text))]], '', columns)}\n`);
  }

  close(): void {
    if (this.#looking) clearTimeout(this.#looking);
    this.#agent = null;
    this.#progress.stop();
  }

  #trained({ outcome, reason, error }: TrainingReport, of: string): void {
    this.#isTraining = false;
    const words = {
      promoted: `training${of} ended, the new head is better: ${reason}`,
      refused: `training${of} ended, the new head is not used: ${reason}`,
      failed: sentences(`training${of} failed: ${reason}`, error?.remedy ?? null),
      cancelled: `training${of} cancelled: ${reason}`,
    };
    this.line(words[outcome]);
  }

  /** Compares the status with the one before, now or soon. */
  #look(): void {
    if (!this.#isReady || this.#looking) return;
    this.#looking = setTimeout(() => {
      this.#looking = null;
      const agent = this.#agent;
      if (agent === null) return;
      const now = seen(agentStatus(agent));
      const changes = this.#seen === null ? [] : statusChanges(this.#seen, now);
      this.#seen = now;
      for (const change of changes) this.line(change);
    }, LOOK_INTERVAL_MS).unref();
  }
}

function headText({ name, model, samples }: TaskStatus, isNamed: boolean): string {
  const { card, trust } = model;
  const head = card ? `head ${card.version}` : model.learnt ? 'head of the first labels' : null;
  const text =
    head === null
      ? 'no head yet: label two frames in each of two classes'
      : `${head}${trust === null ? '' : ` (${trust})`}`;
  return `${isNamed ? `${name}: ` : ''}${text}; ${samples.labelled} labels`;
}

function warning({ msg, code, err, remedy }: Record<string, unknown>): string {
  const because = typeof err === 'string' ? `: ${err}` : '';
  const mark = typeof code === 'string' ? ` (${code})` : '';
  return sentences(`${msg}${because}${mark}`, typeof remedy === 'string' ? remedy : null);
}

function sentences(first: string, second: string | null): string {
  return second === null ? first : `${first.replace(/\.$/, '')}. ${second}`;
}

function parsed(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
