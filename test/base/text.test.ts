import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cutToBytes, decodeText, visible } from '../../src/base/words/text.js';

/** The text in each encoding that is read, with the name of the encoding. */
function encoded(text: string): [name: string, bytes: Buffer][] {
  const utf16 = (little: boolean, mark: boolean) => {
    const bytes = Buffer.from((mark ? '\ufeff' : '') + text, 'utf16le');
    return little ? bytes : bytes.swap16();
  };
  const utf32 = (little: boolean) =>
    Buffer.concat(
      ['\ufeff', ...text].map((character) => {
        const four = Buffer.alloc(4);
        const code = character.codePointAt(0)!;
        if (little) four.writeUInt32LE(code);
        else four.writeUInt32BE(code);
        return four;
      }),
    );
  return [
    ['UTF-8', Buffer.from(text)],
    ['UTF-8', Buffer.from(`\ufeff${text}`)],
    ['UTF-16', utf16(true, true)],
    ['UTF-16', utf16(false, true)],
    ['UTF-32', utf32(true)],
    ['UTF-32', utf32(false)],
  ];
}

describe('decodeText', () => {
  it('reads every encoding of Unicode that has a byte order mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        // A mark of its own at the beginning, or zeros, would be taken for an encoding.
        fc.pre(!text.startsWith('\ufeff') && !text.includes('\0'));
        for (const [name, bytes] of encoded(text)) {
          const decoded = decodeText(bytes);
          assert.deepEqual([decoded.encoding, decoded.text], [name, text]);
        }
      }),
    );
  });

  it('reads UTF-16 without a mark by its zeros', () => {
    const text = 'robot:\r\n  id: feld3\r\n';
    const little = Buffer.from(text, 'utf16le');
    assert.deepEqual(decodeText(little), { encoding: 'UTF-16', text });
    assert.deepEqual(decodeText(Buffer.from(little).swap16()), { encoding: 'UTF-16', text });
  });

  it('names the line that is of another encoding', () => {
    const latin1 = Buffer.from('robot:\n  # Rübe\n', 'latin1');
    const decoded = decodeText(latin1);
    assert.equal(decoded.text, null);
    assert.match(decoded.encoding === 'unknown' ? decoded.fault : '', /line 2 .*Windows-1252/);
    const odd = decodeText(Buffer.from([0xff, 0xfe, 0x41]));
    assert.match(odd.encoding === 'unknown' ? odd.fault : '', /ends within a character/);
  });

  it('answers whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeText(bytes);
        assert.ok(decoded.encoding === 'unknown' ? decoded.fault !== '' : decoded.text !== null);
      }),
    );
  });
});

it('a text is cut between characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, maxBytes) => {
      const cut = cutToBytes(text, maxBytes);
      assert.ok(Buffer.byteLength(cut) <= maxBytes && text.startsWith(cut));
      const next = [...text.slice(cut.length)][0];
      if (next !== undefined) assert.ok(Buffer.byteLength(cut + next) > maxBytes);
    }),
  );
});

it('what steers a terminal is shown, not done', () => {
  assert.equal(visible('a\u001b[2Jb\u202ec\nd'), 'a\\u{1b}[2Jb\\u{202e}c\\u{a}d');
  assert.equal(visible('Rübe 雑草 🌱'), 'Rübe 雑草 🌱');
});
