import type { FitEngine } from './search.js';

/** Lets a fit pause between its matrix products. */
export class PausingEngine implements FitEngine {
  constructor(
    private readonly engine: FitEngine,
    private readonly gate: { pass(): Promise<void> },
  ) {}

  async evaluate(...step: Parameters<FitEngine['evaluate']>): Promise<number> {
    await this.gate.pass();
    return this.engine.evaluate(...step);
  }

  async product(request: Parameters<FitEngine['product']>[0]): Promise<Float32Array> {
    await this.gate.pass();
    return this.engine.product(request);
  }
}
