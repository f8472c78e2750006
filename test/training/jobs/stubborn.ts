// Never ends by itself and does not listen to SIGTERM.
process.on('SIGTERM', () => undefined);
process.on('message', () => {
  process.send?.({ type: 'progress', phase: 'fit', done: 0, total: 1, etaSeconds: null });
});
setInterval(() => undefined, 60_000);
