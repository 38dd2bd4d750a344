import type { Buffer } from 'node:buffer';
import type { Slice } from '../bytes/slice.ts';
import {
  type Blocks,
  counterBlockCount,
  counterBlocksMax,
  encipherCounterBlocks,
  type Keystream,
  shortTextSizeMax,
  writeCounterBlocks,
} from './cipher.ts';

/** One of many texts. */
export interface Text {
  readonly nonce: Slice;
  /** In bytes. */
  readonly size: number;
}

/** As many as one call takes, were they all as long as can be. */
const textsMax = counterBlocksMax / counterBlockCount(shortTextSizeMax);

/**
 * Keystreams of texts that are asked for in their order. Clients seal what they send with one coin: the keystreams of all
 * texts that follow each other under one key are made by one call of the library, because a call takes many times as long
 * as a block.
 */
export class Keystreams {
  /** Texts from `#first` on have theirs in `#blocks`, at these places, under this key. */
  #key: Buffer | undefined;
  #first = 0;
  #blocks: Blocks | undefined;
  /** In blocks: where each begins, and where the last one ends. */
  readonly #starts = new Uint16Array(textsMax + 1);
  #count = 0;

  /** Forgets all texts: others are numbered anew. */
  clear(): void {
    this.#key = undefined;
    this.#blocks = undefined;
  }

  /** Whether that of a text under this key is made. */
  has(index: number, key: Buffer): boolean {
    return key === this.#key && index >= this.#first && index < this.#first + this.#count;
  }

  /** Of a text that has one; undefined for one that is empty, or so long that counter mode itself is quicker. */
  of(index: number): Keystream | undefined {
    const place = index - this.#first;
    if (place < 0 || place >= this.#count) return undefined;
    const first = this.#starts[place] ?? 0;
    const count = (this.#starts[place + 1] ?? 0) - first;
    return this.#blocks === undefined || count <= 0 ? undefined : { blocks: this.#blocks, first, count };
  }

  /** Makes those of the texts from number `first` on, as long as `textAt` tells of one that has the same key. */
  make(first: number, key: Buffer, textAt: (index: number) => Text | undefined): void {
    this.clear();
    let end = 0;
    let count = 0;
    for (; count < textsMax; count += 1) {
      const text = textAt(first + count);
      if (text === undefined) break;
      const blocks = text.size > shortTextSizeMax ? 0 : counterBlockCount(text.size);
      if (blocks > 0) writeCounterBlocks(end, text.nonce, blocks);
      end += blocks;
      this.#starts[count + 1] = end;
    }
    this.#blocks = end === 0 ? undefined : encipherCounterBlocks(key, end);
    this.#first = first;
    this.#count = count;
    // Last: where anything has failed, nothing is made.
    this.#key = key;
  }
}
