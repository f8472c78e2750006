import { HeadlandError, isHeadlandError, messageOf, serialiseError } from '../../base/errors.js';
import { redactText } from '../../base/redact.js';
import { findingOf } from './denied.js';
import { type DoctorContext, type Finding, failed, skipped } from './doctor-check.js';
import { type Contexts, makeContexts } from './doctor-context.js';
import type { DoctorMessage, DoctorOrder } from './doctor-protocol.js';
import { type CheckEntry, EVERY_CHECK } from './every-check.js';

/** The process that runs checks, one after the other, for {@link runChecks}. */
process.once('message', (order: DoctorOrder) => {
  void work(order).finally(() => process.disconnect());
});
// Whoever asked is gone.
process.once('disconnect', () => process.exit());

async function work({ request, checks }: DoctorOrder): Promise<void> {
  const contexts = makeContexts(request, process.env);
  for (const name of checks) {
    const entry = EVERY_CHECK.find((each) => each.name === name);
    if (!entry) continue;
    await tell({ type: 'began', name });
    const startMs = performance.now();
    const findings = await run(entry, contexts);
    await tell({ type: 'ended', name, findings, durationMs: performance.now() - startMs });
  }
}

async function run(entry: CheckEntry, contexts: Contexts): Promise<Finding[]> {
  try {
    if (!entry.needsConfig) return await (await loaded(entry.load))(contexts.base);
    const robot = await contexts.robot();
    if (robot instanceof HeadlandError) {
      return [skipped(`needs a valid configuration (${robot.code})`)];
    }
    if (entry.limitFor) await tell({ type: 'allowed', limitMs: entry.limitFor(robot.config) });
    return await (await loaded(entry.load))(robot);
  } catch (error) {
    return [await findingFor(error, contexts.base)];
  }
}

/** @throws HeadlandError HL_DOCTOR_PART_UNUSABLE */
async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const [why] = redactText(messageOf(cause)).split('\n');
    throw new HeadlandError(
      'HL_DOCTOR_PART_UNUSABLE',
      `a part of headland cannot be loaded by Node.js ${process.version}: ${why}`,
      {
        remedy:
          'Install headland again (the package; in a checkout `npm ci`), with the Node.js that runs it.',
        cause,
      },
    );
  }
}

async function findingFor(error: unknown, context: DoctorContext): Promise<Finding> {
  if (isHeadlandError(error)) return findingOf(error, context);
  const { code, message, remedy, details } = serialiseError(error);
  return failed(new HeadlandError(code, message, { remedy, details }));
}

/** Resolves when the message is written, so that it is not lost if the next check ends this process. */
function tell(message: DoctorMessage): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}
