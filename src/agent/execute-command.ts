import { eyeOf } from '../base/words/eye.js';
import type { Signer } from '../telemetry/commands/command-guard.js';
import type { Command } from '../telemetry/contract/command-contract.js';
import type { AuditTrail, Requester } from './audit-trail.js';
import type { LabelTarget, Operations } from './operations.js';
import { holdsMessage, predictionMessage } from './reporting/agent-messages.js';

/** Commands that change neither labels nor heads, and that programs may send often. */
const TALLIED: ReadonlySet<Command['name']> = new Set([
  'status',
  'speed',
  'snapshot',
  'look_alikes',
]);

/** Executes an MQTT command. The result becomes `data` of the response. */
export async function executeCommand(
  command: Command,
  operations: Operations,
  describe: () => Record<string, unknown>,
  how: { signer: Signer | null; audit: Pick<AuditTrail, 'tallied'> },
): Promise<object> {
  const { signer, audit } = how;
  const by: Requester = {
    source: 'mqtt',
    transaction: command.transaction,
    ...(signer ? { key: signer.key } : {}),
  };
  const carryOut = (): Promise<object> => carriedOut(command, operations, describe, by);
  // All others are recorded by the operations.
  return TALLIED.has(command.name) ? audit.tallied(command.name, by, carryOut) : carryOut();
}

async function carriedOut(
  command: Command,
  operations: Operations,
  describe: () => Record<string, unknown>,
  by: Requester,
): Promise<object> {
  switch (command.name) {
    case 'retrain':
      return { training_id: await operations.retrain(by, command.task) };
    case 'label':
      return command.samples
        ? labelMany(command.samples, command, operations, by)
        : label(command, operations, by);
    case 'look_alikes':
      return {
        look_alikes: operations.lookAlikes(command.sample, command.task).map((alike) => ({
          sample_id: alike.sample.id,
          cosine: alike.cosine,
          captured_at: new Date(alike.sample.capturedAtMs).toISOString(),
        })),
      };
    case 'rollback':
      return {
        head_version: (await operations.rollback(command.version, by, command.task)).card.version,
      };
    case 'promote':
      return {
        head_version: (await operations.promote(command.version, by, command.task)).card.version,
      };
    case 'pin':
      return { pinned: await operations.pin(command.version, by, command.task) };
    case 'unpin':
      await operations.unpin(by, command.task);
      return { pinned: null };
    case 'snapshot':
      return snapshot(command, operations);
    case 'status':
      return describe();
    case 'speed':
      operations.speed(command.meters_per_second);
      return { meters_per_second: command.meters_per_second };
    case 'acknowledge_alerts':
      return { acknowledged: await operations.acknowledgeAlerts(command.rule, by) };
    case 'pause':
      return { paused: await operations.pause(command.what, by) };
    case 'resume':
      return { paused: await operations.resume(command.what, by) };
    case 'hold':
      return { holds: holdsMessage(await operations.hold(command, by)) };
    case 'release':
      return { holds: holdsMessage(await operations.release(command.holder, by)) };
  }
}

async function label(
  { sample: sampleId, frame, group, label, task }: Extract<Command, { name: 'label' }>,
  operations: Operations,
  by: Requester,
): Promise<object> {
  // The command contract guarantees that one of the two is set where `samples` is not.
  const target: LabelTarget =
    sampleId !== undefined ? { sample: sampleId } : { frame: frame ?? '', group };
  const { sample, labelRevision } = await operations.label(target, label, by, task);
  return {
    sample_id: sample.id,
    label: sample.label,
    group: sample.group,
    holdout: sample.holdout,
    label_revision: labelRevision,
  };
}

async function labelMany(
  sampleIds: readonly string[],
  { label, task }: Extract<Command, { name: 'label' }>,
  operations: Operations,
  by: Requester,
): Promise<object> {
  const { samples, labelRevision } = await operations.labelMany(sampleIds, label, by, task);
  return {
    samples: samples.map((sample) => ({
      sample_id: sample.id,
      label: sample.label,
      group: sample.group,
      holdout: sample.holdout,
    })),
    label_revision: labelRevision,
  };
}

async function snapshot(
  { task, camera, region, include_picture }: Extract<Command, { name: 'snapshot' }>,
  operations: Operations,
): Promise<object> {
  const eye = camera === undefined ? undefined : eyeOf({ camera, region: region ?? null });
  const { recent, answer, sample } = await operations.snapshot(eye, task);
  const prediction = predictionMessage(recent, answer, sample.id);
  if (include_picture !== true) return prediction;
  return { ...prediction, picture_base64: Buffer.from(recent.frame.jpeg).toString('base64') };
}
