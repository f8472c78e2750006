import type { Step } from './session.js';

/** The board is on, and the packages are where the guide wants them. */
export const startingSteps: readonly Step[] = [
  {
    title: 'the board boots',
    isEssential: true,
    run: async (session) => {
      await session.switchOn();
      session.note(
        await session.sh('uname -srm; systemctl --version | sed -n 1p; free -m | sed -n 2p'),
      );
      // As if they had been copied to the board.
      await session.sh('cp /host/*.deb /home/pi/ && rm /home/pi/*next*');
    },
  },
];
