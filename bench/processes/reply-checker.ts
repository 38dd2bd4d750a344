import type { ReplyShape } from '../packets.ts';

const statusPlace = 2;
const sizePlace = 11;

/** Counts the replies of one connection, all of one size, and looks at two bytes of each: its status and its size. */
export class ReplyChecker {
  readonly #shape: ReplyShape;
  /** Bytes of the reply that is under way. */
  #position = 0;

  constructor(shape: ReplyShape) {
    this.#shape = shape;
  }

  /** How many replies the chunk completes. Throws where one is not what the case expects. */
  take(chunk: Buffer): number {
    const { size, status, sizeByte } = this.#shape;
    const position = this.#position;
    const end = position + chunk.length;
    for (let at = position <= statusPlace ? statusPlace : size + statusPlace; at < end; at += size) {
      if (chunk[at - position] !== status) throw new Error(`a reply has status ${chunk[at - position]}`);
    }
    for (let at = position <= sizePlace ? sizePlace : size + sizePlace; at < end; at += size) {
      if (chunk[at - position] !== sizeByte) throw new Error(`a reply has a body of ${chunk[at - position]} bytes`);
    }
    this.#position = end % size;
    return Math.floor(end / size);
  }
}
