import { Buffer } from 'node:buffer';
import { type Cipher, createCipheriv } from 'node:crypto';
import { copyBytes } from '../bytes/copy.ts';
import type { Slice } from '../bytes/slice.ts';

/** Size in bytes of an AES block, and so of a counter block. */
export const counterBlockSize = 16;

/** Longer texts are quicker by the library's own counter mode. */
export const shortTextSizeMax = 256;

/** Whole blocks out of AES, as bytes and as words. */
export interface Blocks {
  readonly bytes: Buffer;
  /** In the order of bytes that the machine has: for copies and XOR it does not matter which. */
  readonly words: Int32Array;
}

/** What counter mode combines a text with, by XOR: some of many blocks. */
export interface Keystream {
  readonly blocks: Blocks;
  /** The first block. */
  readonly first: number;
  readonly count: number;
}

const wordSize = 4;
const wordsPerBlock = counterBlockSize / wordSize;

/**
 * Ciphers of the keys in use, which go with their keys: setting one up takes three times as long as a short text. A key is
 * never changed in place.
 */
const blockCiphers = new WeakMap<Buffer, Cipher>();

function blockCipherOf(key: Buffer): Cipher {
  const known = blockCiphers.get(key);
  if (known !== undefined) return known;
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-ecb' : 'aes-256-ecb', key, null).setAutoPadding(false);
  blockCiphers.set(key, cipher);
  return cipher;
}

/** So many counter blocks are enciphered by one call at most. */
export const counterBlocksMax = 512;
const counterWords = new Int32Array(counterBlocksMax * wordsPerBlock);
const counterBlocks = Buffer.from(counterWords.buffer);
/** Its first blocks, by their number. */
const firstBlocks: (Buffer | undefined)[] = Array.from({ length: counterBlocksMax + 1 });

/** The keystreams of texts whose counter blocks were written before, the first `count` of them. */
export function encipherCounterBlocks(key: Buffer, count: number): Blocks {
  const blocks = firstBlocks[count] ?? counterBlocks.subarray(0, count * counterBlockSize);
  firstBlocks[count] = blocks;
  const bytes = blockCipherOf(key).update(blocks);
  const { buffer, byteOffset } = bytes.byteOffset % wordSize === 0 ? bytes : new Uint8Array(bytes);
  return { bytes, words: new Int32Array(buffer, byteOffset, bytes.length / wordSize) };
}

/**
 * Writes the counter blocks of a text, from block number `first` on, for `encipherCounterBlocks`: one is the first 16 bytes
 * of the nonce, with zeros behind a shorter one; each other is the one before it, incremented as one big-endian number.
 */
export function writeCounterBlocks(first: number, nonce: Slice, count: number): void {
  const start = first * counterBlockSize;
  const firstWord = first * wordsPerBlock;
  for (let word = firstWord; word < firstWord + wordsPerBlock; word += 1) counterWords[word] = 0;
  copyBytes(nonce.buffer, nonce.start, counterBlocks, start, Math.min(nonce.size, counterBlockSize));
  for (let block = first + 1; block < first + count; block += 1) {
    const end = (block + 1) * wordsPerBlock;
    for (let word = end - wordsPerBlock; word < end; word += 1) {
      counterWords[word] = counterWords[word - wordsPerBlock] ?? 0;
    }
    increment(block);
  }
}

function increment(block: number): void {
  const start = block * counterBlockSize;
  for (let index = start + counterBlockSize - 1; index >= start; index -= 1) {
    const byte = ((counterBlocks[index] ?? 0) + 1) & 0xff;
    counterBlocks[index] = byte;
    if (byte !== 0) return;
  }
}

/** How many blocks counter mode takes for a text of `size` bytes. */
export function counterBlockCount(size: number): number {
  return Math.ceil(size / counterBlockSize);
}

/** Up to this size, texts are combined byte by byte. */
const bytesMax = 16;
/** A longer text while it is combined; what follows it in its buffer may come along. */
const combinedWords = new Int32Array((2 * shortTextSizeMax) / wordSize);
const combined = Buffer.from(combinedWords.buffer);
/** Its beginnings, by their size. */
const combinedStarts: (Buffer | undefined)[] = Array.from({ length: shortTextSizeMax + 1 });

/**
 * Enciphers or deciphers a text, the `size` bytes from `textStart` on, at most `shortTextSizeMax`, and writes it to `start` in
 * `target`. Words take a third of the time of bytes, once the text is where words can be taken from.
 */
export function combine(
  target: Buffer,
  start: number,
  text: Buffer,
  textStart: number,
  size: number,
  keystream: Keystream,
): void {
  const { blocks, first, count } = keystream;
  // Otherwise keystream, or what was combined before, would go out as a part of this text, or the text in clear.
  if (text.length < textStart + size || count < counterBlockCount(size)) {
    throw new RangeError(`${size} bytes of a text of ${text.length - textStart}, with ${count} blocks`);
  }
  if (size <= bytesMax) {
    xorInto(target, start, text, textStart, blocks.bytes, first * counterBlockSize, size);
    return;
  }
  if (textStart === 0 && text.length <= combined.length) combined.set(text);
  else copyBytes(text, textStart, combined, 0, size);
  const firstWord = first * wordsPerBlock;
  const words = Math.ceil(size / wordSize);
  for (let word = 0; word < words; word += 1) {
    combinedWords[word] = (combinedWords[word] ?? 0) ^ (blocks.words[firstWord + word] ?? 0);
  }
  const result = combinedStarts[size] ?? combined.subarray(0, size);
  combinedStarts[size] = result;
  target.set(result, start);
}

/**
 * AES in counter mode; enciphers and deciphers alike. The counter block starts as `writeCounterBlocks` says. The key's size,
 * 16 or 32 bytes, picks AES-128 or AES-256.
 */
export function applyAesCtr(key: Buffer, nonce: Slice, text: Buffer): Buffer {
  const size = text.length;
  if (size > shortTextSizeMax) {
    writeCounterBlocks(0, nonce, 1);
    const counterBlock = Buffer.from(counterBlocks.subarray(0, counterBlockSize));
    return createCipheriv(key.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', key, counterBlock).update(text);
  }
  if (size === 0) return text;
  const count = counterBlockCount(size);
  writeCounterBlocks(0, nonce, count);
  const result = Buffer.allocUnsafe(size);
  combine(result, 0, text, 0, size, { blocks: encipherCounterBlocks(key, count), first: 0, count });
  return result;
}

/** XOR of the first `size` bytes of both; either may be longer. */
export function xor(one: Buffer, other: Buffer, size = one.length): Buffer {
  const result = Buffer.allocUnsafe(size);
  xorInto(result, 0, one, 0, other, 0, size);
  return result;
}

/** The same, written to `start` in `target`; of both the bytes from their starts on. */
export function xorInto(
  target: Buffer,
  start: number,
  one: Buffer,
  oneStart: number,
  other: Buffer,
  otherStart: number,
  size: number,
): void {
  for (let index = 0; index < size; index += 1) {
    target[start + index] = (one[oneStart + index] ?? 0) ^ (other[otherStart + index] ?? 0);
  }
}
