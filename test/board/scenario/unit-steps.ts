import type { Step } from './session.js';

/** Of `systemd-analyze security`; its scale ends at 10. */
export const MAX_EXPOSURE = 1.3;

/** What systemd and headland themselves say of the running service. */
export const unitSteps: readonly Step[] = [
  {
    title: `the running unit is exposed by ${MAX_EXPOSURE} at most`,
    async run(session) {
      const said = await session.sh(
        'systemd-analyze security headland --no-pager | grep -i "overall exposure level"',
      );
      const exposure = Number(/: (?<level>[\d.]+)/.exec(said)?.groups?.level);
      session.exposure = exposure;
      session.note(said);
      if (!(exposure <= MAX_EXPOSURE)) throw new Error(said);
    },
  },
  {
    title: 'headland doctor finds nothing wrong',
    async run(session) {
      session.note(await session.sh('headland doctor'));
    },
  },
];
