import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeAnswers, encodeAnswers } from '../../../src/gate/answers/answer-codec.js';
import { hasCode } from '../../errors.js';
import { answerOf, drawnAnswers } from './drawn-answers.js';

const some = (count: number) => ({
  champion: 3,
  answers: Array.from({ length: count }, (_, n) => {
    const { group, right, relabelled, ...answer } = answerOf(n, {
      champion: { label: 'weed', confidence: 0.5, probability: 0.25 },
    });
    return { ...answer, confidence: 0.75, probability: 0.75, secondProbability: 0.125 };
  }),
});

describe('the file of answers', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(drawnAnswers, fc.option(fc.nat()), (answers, champion) => {
        assert.deepEqual(decodeAnswers(encodeAnswers({ champion, answers })), {
          champion,
          answers,
        });
      }),
    );
  });

  it('takes 45 bytes a sample', () => {
    const bytes = encodeAnswers(some(20_000));
    assert.ok(bytes.length < 20_000 * 45 + 200, `${bytes.length} bytes`);
    assert.deepEqual(decodeAnswers(bytes), some(20_000));
  });

  it('detects every changed byte and every missing one', () => {
    const bytes = encodeAnswers(some(3));
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = changed[at]! ^ 1;
      assert.throws(() => decodeAnswers(changed), hasCode('HL_HEAD_INVALID'), `byte ${at}`);
      assert.throws(() => decodeAnswers(bytes.subarray(0, at)), hasCode('HL_HEAD_INVALID'));
    }
  });

  it('is refused where it names a label that it lacks, and where its header is of another shape', () => {
    const bytes = Buffer.from(encodeAnswers(some(3)));
    const sealed = (changed: Buffer): Buffer => {
      const body = changed.subarray(0, -32);
      return Buffer.concat([body, createHash('sha256').update(body).digest()]);
    };
    const row = bytes.length - 32 - 45;
    const other = Buffer.from(bytes);
    other.writeUInt16LE(999, row + 16);
    assert.throws(() => decodeAnswers(sealed(other)), hasCode('HL_HEAD_INVALID'));
    const shape = Buffer.from(bytes);
    shape.write('lobels', shape.indexOf('labels'));
    assert.throws(() => decodeAnswers(sealed(shape)), hasCode('HL_HEAD_INVALID'));
  });

  it('takes no other ids than those of samples', () => {
    const [answer] = some(1).answers;
    assert.throws(
      () => encodeAnswers({ champion: null, answers: [{ ...answer!, id: 's1' }] }),
      RangeError,
    );
  });
});
