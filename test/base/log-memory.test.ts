import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeadlandError } from '../../src/base/errors.js';
import { createLog } from '../../src/base/log.js';
import { LogMemory } from '../../src/base/log-memory.js';

const remembered = (memory: LogMemory) => memory.after(0).records;

describe('the memory of a log', () => {
  test('keeps message, code, remedy and facts, whatever level is written', () => {
    const memory = new LogMemory();
    const log = createLog({ level: 'error', fileDescriptor: 2, format: 'text', memory }).child({});
    log.debug('not for people');
    log.info({ camera: 'front', robot: 'r1' }, 'camera opened');
    log.warn({ code: 'HL_X', remedy: 'Look.' }, 'odd');
    const err = new HeadlandError('HL_Y', 'broken', { remedy: 'Mend it.' });
    log.warn({ err }, 'cannot go on');
    assert.deepEqual(
      remembered(memory).map(({ sequence, level, message, code, remedy, facts }) => {
        return [sequence, level, message, code, remedy, facts];
      }),
      [
        [1, 'info', 'camera opened', null, null, 'camera=front'],
        [2, 'warn', 'odd', 'HL_X', 'Look.', ''],
        [3, 'warn', 'cannot go on: broken', 'HL_Y', 'Mend it.', ''],
      ],
    );
  });

  test('holds no secret', () => {
    const memory = new LogMemory();
    const log = createLog({ level: 'fatal', fileDescriptor: 2, memory });
    log.info(
      { password: 'canary-1', url: 'rtsp://u:canary-2@cam/' },
      'opened http://a:canary-3@b/',
    );
    assert.ok(!JSON.stringify(remembered(memory)).includes('canary'));
  });

  test('is bounded in number and in size, and is followed by sequence', () => {
    const memory = new LogMemory({ maxRecords: 5, maxCharacters: 2_000 });
    const line = (msg: string) => JSON.stringify({ level: 30, time: new Date(0), msg });
    for (let index = 1; index <= 9; index++) memory.add(line(`m${index}`));
    assert.deepEqual(
      memory.after(0).records.map(({ sequence }) => sequence),
      [5, 6, 7, 8, 9],
    );
    assert.deepEqual(
      memory.after(7).records.map(({ message }) => message),
      ['m8', 'm9'],
    );
    assert.deepEqual(
      memory.after(0, { limit: 1 }).records.map(({ message }) => message),
      ['m9'],
    );
    // A page that has followed the process before.
    assert.equal(memory.after(4_000).records.length, 5);
    memory.add(line('x'.repeat(10_000)));
    assert.equal(memory.after(0).records.length, 0);
    assert.equal(memory.after(0).newest, 10);
  });

  test('is filtered by level', () => {
    const memory = new LogMemory();
    for (const level of [20, 30, 40, 50, 60])
      memory.add(JSON.stringify({ level, msg: `${level}` }));
    assert.deepEqual(
      memory.after(0, { level: 'warn' }).records.map(({ level }) => level),
      ['warn', 'error', 'fatal'],
    );
  });
});
