import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuideStep } from '../guide-steps.js';
import type { Session, Step } from './session.js';

/** Does what a guide says, as the user of the board and in their home folder. */
export function guideRun(guide: readonly GuideStep[]): Step[] {
  return guide.flatMap((step) => {
    if (step.kind === 'not run') return [];
    return {
      title: `guide: ${step.heading}: ${firstLineOf(step)}`,
      isEssential: true,
      run: (session: Session) => follow(session, step),
    };
  });
}

function firstLineOf(step: Exclude<GuideStep, { kind: 'not run' }>): string {
  return step.kind === 'file' ? `write ${step.path}` : (step.commands.split('\n')[0] ?? '');
}

async function follow(session: Session, step: Exclude<GuideStep, { kind: 'not run' }>) {
  const block = join(session.share, 'block');
  if (step.kind === 'file') {
    writeFileSync(block, step.content);
    await session.sh(`cat /host/block ${step.isAppended ? '>>' : '>'}'${step.path}'`);
    return;
  }
  writeFileSync(block, step.commands);
  session.note(await session.sh('runuser -l pi -c "bash -euo pipefail /host/block"'));
}
