import { createCipheriv, createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceOf } from '../../src/bytes/slice.ts';
import { applyAesCtr, combine, encipherCounterBlocks, writeCounterBlocks } from '../../src/protocol/cipher.ts';
import {
  appendHmac,
  hashedKey,
  hmacSha256,
  hmacSize,
  isFollowedBy,
  isFollowedByHmac,
} from '../../src/protocol/hmac.ts';

/** Our counter mode, made of single blocks for short texts, against that of the library. */
const bytes = (sizes: { minLength: number; maxLength: number }) =>
  fc.uint8Array(sizes).map((values) => Buffer.from(values));
const exactly = (size: number) => bytes({ minLength: size, maxLength: size });
/** Counters that run over are rare among random ones. */
const counterBlocks = fc.oneof(
  exactly(16),
  fc.nat({ max: 15 }).map((kept) => Buffer.concat([Buffer.alloc(kept, 7), Buffer.alloc(16 - kept, 0xff)])),
);

function byLibrary(key: Buffer, counterBlock: Buffer, text: Buffer): Buffer {
  return createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counterBlock).update(text);
}

describe('AES in counter mode', () => {
  it.each([16, 32])('is the same with a key of %i bytes, whatever the text and its size', (keySize) => {
    fc.assert(
      fc.property(
        exactly(keySize),
        counterBlocks,
        bytes({ minLength: 0, maxLength: 600 }),
        (key, counterBlock, text) => {
          expect(applyAesCtr(key, sliceOf(counterBlock), text)).toEqual(byLibrary(key, counterBlock, text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is the same for a key that is used again, at every size around a block and around the limit', () => {
    const key = Buffer.alloc(16, 3);
    for (const size of [1, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1_669]) {
      const text = Buffer.alloc(size, size);
      const nonce = Buffer.alloc(8, size);
      const expected = byLibrary(key, Buffer.concat([nonce, Buffer.alloc(8)]), text);
      expect(applyAesCtr(key, sliceOf(nonce), text)).toEqual(expected);
      expect(applyAesCtr(key, sliceOf(nonce), expected)).toEqual(text);
      const longer = Buffer.alloc(24, size);
      expect(applyAesCtr(key, sliceOf(longer), text)).toEqual(byLibrary(key, longer.subarray(0, 16), text));
    }
  });

  it('combines no more than it was given', () => {
    const keystream = { blocks: encipherCounterBlocks(Buffer.alloc(16, 1), 4), first: 0, count: 4 };
    for (const [given, start, size] of [
      [40, 0, 41],
      [40, 1, 40],
      [4, 0, 16],
      [18, 3, 16],
      [80, 0, 65],
      [600, 0, 600],
    ] as const) {
      expect(() => combine(Buffer.alloc(600), 0, Buffer.alloc(given), start, size, keystream)).toThrow(RangeError);
    }
  });

  it('is the same for a part of a text and a nonce among others, and writes nothing around it', () => {
    const around = bytes({ minLength: 0, maxLength: 80 });
    const part = bytes({ minLength: 1, maxLength: 256 });
    fc.assert(
      fc.property(exactly(16), exactly(8), around, part, around, (key, nonce, before, text, behind) => {
        const expected = byLibrary(key, Buffer.concat([nonce, Buffer.alloc(8)]), text);
        const slice = { buffer: Buffer.concat([before, nonce, behind]), start: before.length, size: nonce.length };
        expect(applyAesCtr(key, slice, text)).toEqual(expected);
        const count = Math.ceil(text.length / 16);
        writeCounterBlocks(0, slice, count);
        const keystream = { blocks: encipherCounterBlocks(key, count), first: 0, count };
        const source = Buffer.concat([before, text, behind]);
        const target = Buffer.alloc(behind.length + text.length + before.length, 7);
        combine(target, behind.length, source, before.length, text.length, keystream);
        const wanted = [Buffer.alloc(behind.length, 7), expected, Buffer.alloc(before.length, 7)];
        expect(target).toEqual(Buffer.concat(wanted));
      }),
      { numRuns: 1_000 },
    );
  });

  it('leaves text, key and counter block as they were', () => {
    const [key, counterBlock, text] = [Buffer.alloc(16, 1), Buffer.alloc(16, 0xff), Buffer.alloc(40, 2)];
    applyAesCtr(key, sliceOf(counterBlock), text);
    expect([key, counterBlock, text]).toEqual([Buffer.alloc(16, 1), Buffer.alloc(16, 0xff), Buffer.alloc(40, 2)]);
  });
});

it('the key of types 4 and 5 is the hash of one or two authentication numbers, also when asked again', () => {
  const [one, other] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const expected = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  for (let time = 0; time < 2; time += 1) {
    expect(hashedKey(one)).toEqual(expected(one));
    expect(hashedKey(other)).toEqual(expected(other));
    expect(hashedKey(one, other)).toEqual(expected(one, other));
    expect(hashedKey(other, one)).toEqual(expected(other, one));
  }
});

describe('HMAC-SHA256', () => {
  it("is the library's, whatever the key and the text, also for a key that is used again", () => {
    const anyKey = bytes({ minLength: 0, maxLength: 64 });
    const texts = fc.array(bytes({ minLength: 0, maxLength: 300 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(anyKey, texts, (key, several) => {
        for (const text of several)
          expect(hmacSha256(key, text)).toEqual(createHmac('sha256', key).update(text).digest());
      }),
      { numRuns: 2_000 },
    );
  });

  it('is that of a part of a buffer, whatever stands before and behind it', () => {
    const text = bytes({ minLength: 0, maxLength: 300 });
    const around = bytes({ minLength: 0, maxLength: 80 });
    fc.assert(
      fc.property(exactly(32), around, text, around, (key, before, part, behind) => {
        const expected = createHmac('sha256', key).update(part).digest();
        const reply = Buffer.concat([before, part, Buffer.alloc(hmacSize), behind]);
        appendHmac(key, reply, before.length, part.length);
        expect(reply).toEqual(Buffer.concat([before, part, expected, behind]));
        const body = Buffer.concat([before, part, expected, behind]);
        const start = before.length;
        expect(isFollowedByHmac(key, body, start, part.length)).toBe(true);
        expect(isFollowedBy(expected, body, start + part.length)).toBe(true);
        for (const place of [0, part.length - 1, part.length, part.length + hmacSize - 1]) {
          if (place < 0) continue;
          const changed = Buffer.from(body);
          changed[start + place] = (changed[start + place] ?? 0) ^ 1;
          expect(isFollowedByHmac(key, changed, start, part.length)).toBe(false);
          expect(isFollowedBy(expected, changed, start + part.length)).toBe(place < part.length);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
