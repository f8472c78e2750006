import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CameraLoad } from '../../../src/agent/care/camera-load.js';
import type { AlarmName } from '../../../src/base/alarms.js';
import { serialiseError } from '../../../src/base/errors.js';

const STEP_SECONDS = 5;

/** Cameras whose frames are counted as a board would; time is simulated. */
class Board {
  readonly raised = new Map<AlarmName, string>();
  #nowMs = 0;
  readonly #dropped = new Map<string, number>();
  readonly load = new CameraLoad(
    {
      raise: (name, error) => void this.raised.set(name, serialiseError(error).message),
      clear: (name) => void this.raised.delete(name),
    },
    () => this.#nowMs,
  );

  /** @param rates of each camera, frames a second: decided and dropped */
  run(
    seconds: number,
    rates: Record<string, [decided: number, dropped: number]>,
    options: { waitsAt?: number; limit?: number; memory?: number; disturbed?: boolean } = {},
  ): this {
    for (let at = 0; at < seconds; at += STEP_SECONDS) {
      this.#nowMs += STEP_SECONDS * 1_000;
      for (const [name, [decided, dropped]] of Object.entries(rates)) {
        for (let frame = 0; frame < decided * STEP_SECONDS; frame++) this.load.decided(name);
        this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + dropped * STEP_SECONDS);
      }
      this.load.measure({
        cameras: Object.keys(rates).map((name) => ({
          name,
          eyes: 1,
          still: 0,
          dropped: this.#dropped.get(name) ?? 0,
          waitsAtPerSecond: options.waitsAt ?? null,
        })),
        limitPerSecond: options.limit ?? null,
        memoryAvailableBytes: options.memory ?? 1 << 30,
        disturbed: options.disturbed ?? false,
      });
    }
    return this;
  }

  get alarm(): string | undefined {
    return this.raised.get('cameras');
  }
}

describe('too many cameras for a board', () => {
  test('is an alarm when most frames of a camera are dropped over a minute, and ends by measurement', () => {
    const board = new Board();
    board.run(55, { a: [4, 6], b: [4, 6] });
    assert.equal(board.alarm, undefined, 'a minute has not passed');
    board.run(10, { a: [4, 6], b: [4, 6] });
    assert.match(board.alarm ?? '', /2 cameras.* 40 % of the frames of a .*4\.0 a second/);
    board.run(60, { a: [6, 4], b: [6, 4] });
    assert.ok(board.alarm, 'between the two bounds the alarm stays');
    board.run(65, { a: [8, 2], b: [8, 2] });
    assert.equal(board.alarm, undefined);
  });

  test('is also that one of many starves', () => {
    assert.match(
      new Board().run(70, { a: [10, 0], b: [10, 0], c: [1, 9] }).alarm ?? '',
      /10 % of the frames of c/,
    );
  });

  test('is also that cameras which wait are slower than their settings', () => {
    const board = new Board();
    assert.ok(board.run(70, { a: [2, 0], b: [2, 0] }, { waitsAt: 10 }).alarm);
    assert.ok(!new Board().run(70, { a: [9, 0], b: [9, 0] }, { waitsAt: 10 }).alarm);
  });

  test('is not a board that keeps up, nor one camera that is faster than it', () => {
    assert.equal(new Board().run(70, { a: [9, 1], b: [9, 1] }).alarm, undefined);
    assert.equal(new Board().run(70, { a: [9, 90] }).alarm, undefined);
  });

  test('is not a limit that the settings or the care of the board set', () => {
    assert.equal(new Board().run(70, { a: [2, 8], b: [2, 8] }, { limit: 4 }).alarm, undefined);
    assert.ok(new Board().run(70, { a: [1, 9], b: [1, 9] }, { limit: 15 }).alarm);
  });

  test('is also that memory is used up', () => {
    const memory = 30 << 20;
    assert.match(new Board().run(70, { a: [9, 1], b: [9, 1] }, { memory }).alarm ?? '', /memory/);
  });

  test('is not judged while a training or a pause disturbs', () => {
    const board = new Board().run(70, { a: [1, 9], b: [1, 9] }, { disturbed: true });
    assert.equal(board.alarm, undefined);
    assert.ok(board.run(70, { a: [1, 9], b: [1, 9] }).alarm);
  });

  test('the rate of a camera is that of the last seconds', () => {
    const board = new Board().run(60, { a: [2, 0] }).run(15, { a: [8, 0] });
    assert.equal(Math.round(board.load.framesPerSecond('a')), 8);
    assert.equal(board.load.framesPerSecond('b'), 0);
  });
});
