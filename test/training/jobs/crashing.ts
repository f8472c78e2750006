// Says something, then ends in the way that HEADLAND_TEST_CRASH names.
process.stderr.write('about to crash\n');
process.once('message', () => {
  switch (process.env.HEADLAND_TEST_CRASH) {
    case 'throw':
      throw new Error('boom');
    case 'exit':
      process.exit(0);
      break;
    case 'memory': {
      const hoard: object[] = [];
      for (;;) hoard.push({ n: hoard.length });
    }
  }
});
