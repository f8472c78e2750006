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
    // The board has no network that could set its clock.
    title: 'headland doctor finds nothing wrong but the clock',
    async run(session) {
      session.note(
        // The restarts of the steps before are not to be found wrong.
        await session.sh(`
systemctl restart headland
headland doctor --json >/tmp/doctor || [ $? = 1 ]
jq -r '.checks[] | .state as $state | .name as $name | .findings[] | "\\($state) \\($name): \\(.reason)"' /tmp/doctor
jq -e '[.checks[] | select(.state == "warning" or .state == "failed") | .name] - ["clock"] == []' /tmp/doctor`),
      );
    },
  },
];
