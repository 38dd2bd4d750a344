import { Buffer } from 'node:buffer';

/** More than the largest body has. */
export const bodyPieceSize = 65_536;
/** So many pieces that nobody uses are kept, 4 MiB. */
const piecesKept = 64;

/** Memory for large bodies that arrive in pieces, which is used again. */
export class BodyMemory {
  readonly #free: Buffer[] = [];

  /** Room for any body, `bodyPieceSize` bytes; what they are has no meaning. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(bodyPieceSize);
  }

  /** Nobody uses it any more, or any part of it; memory of another size is left alone. To be given back once. */
  giveBack(memory: Buffer): void {
    if (memory.length === bodyPieceSize && this.#free.length < piecesKept) this.#free.push(memory);
  }
}
