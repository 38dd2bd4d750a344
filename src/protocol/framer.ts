import { Buffer } from 'node:buffer';
import { type Slice, sliceOf } from '../bytes/slice.ts';
import { terminatorSize } from './body.ts';
import { BodyMemory, bodyPieceSize } from './body-memory.ts';
import { challengeSize } from './challenge.ts';
import {
  decodeRequestHeader,
  headerPrefixSize,
  type RequestHeader,
  type Routing,
  refuseHeader,
  requestHeaderSize,
} from './request-header.ts';
import type { Status } from './status.ts';

/** One request cut out of the stream. */
export interface Frame {
  readonly header: RequestHeader;
  /** The body as sent, or only its first 16 and last 2 bytes where its middle was of no use to anyone (`endsOnly`). */
  readonly body: Slice;
  /** What holds a body that came in pieces: to be given back to the `BodyMemory` when the request is answered. */
  readonly memory?: Buffer | undefined;
  readonly endsOnly: boolean;
  /** Set when the header was refused: the body was not read, and nothing that follows can be trusted. */
  readonly refused: Status | undefined;
}

export interface FramerRules extends Routing {
  /** Whether a body of the size that this header declares has to be kept whole; otherwise its ends are enough. */
  keepsBody(header: RequestHeader): boolean;
}

const headerSizeMax = 48;
const keptEnds = challengeSize + terminatorSize;
const firstAllocation = 4_096;
/** So many times what was sent is held at most. */
const growth = 4;
const largeSize = bodyPieceSize / growth;

/**
 * Turns any split of a stream into whole requests. Bytes in hand that make a whole request are passed on without a copy;
 * a request that arrives in pieces is gathered in a buffer that grows with what was sent, never with what was announced.
 */
export class Framer {
  readonly #rules: FramerRules;
  readonly #memory: BodyMemory;
  readonly #head = Buffer.alloc(headerSizeMax);
  #headSize = 0;
  #header: RequestHeader | undefined;
  #body: Buffer = noBytes;
  #received = 0;
  #closed = false;

  constructor(rules: FramerRules, memory = new BodyMemory()) {
    this.#rules = rules;
    this.#memory = memory;
  }

  /** Whether a request has begun and is not whole yet. */
  get isMidRequest(): boolean {
    return this.#headSize > 0 || this.#header !== undefined;
  }

  /** Whether the header of the request that has begun is still missing. */
  get isMidHeader(): boolean {
    return this.#headSize > 0;
  }

  /** Bytes of memory held for a request that is not whole yet. */
  get unparsedSize(): number {
    return this.#header === undefined ? this.#headSize : this.#body.length;
  }

  /** Gives up the request that has begun, with its memory, and everything after it. */
  drop(): void {
    this.#closed = true;
    this.#headSize = 0;
    this.#header = undefined;
    this.#memory.giveBack(this.#body);
    this.#body = noBytes;
  }

  /**
   * Takes the next bytes of the stream and hands each request that they complete to `emit`, in order, as long as `mayGoOn`
   * says so. Returns how many bytes it took; after a refused header it takes no more and drops what comes.
   */
  push(chunk: Buffer, emit: (frame: Frame) => void, mayGoOn: () => boolean = always): number {
    let position = 0;
    while (!this.#closed && position < chunk.length && mayGoOn()) {
      if (this.#header === undefined) {
        position = this.#takeHeader(chunk, position, emit);
      } else {
        position = this.#takeBody(this.#header, chunk, position, emit);
      }
    }
    return this.#closed ? chunk.length : position;
  }

  /** Reads on in the header; returns the position after what it used. */
  #takeHeader(chunk: Buffer, position: number, emit: (frame: Frame) => void): number {
    if (this.#headSize === 0 && chunk.length - position >= headerPrefixSize) {
      const bodyStart = position + requestHeaderSize(chunk, position);
      if (bodyStart <= chunk.length) return this.#takeRequest(chunk, position, bodyStart, emit);
    }
    const wanted = this.#headSize < headerPrefixSize ? headerPrefixSize : requestHeaderSize(this.#head, 0);
    const taken = chunk.copy(this.#head, this.#headSize, position, position + wanted - this.#headSize);
    this.#headSize += taken;
    if (this.#headSize >= headerPrefixSize && this.#headSize === requestHeaderSize(this.#head, 0)) {
      this.#headSize = 0;
      this.#startBody(decodeRequestHeader(Buffer.from(this.#head), 0), emit);
    }
    return position + taken;
  }

  /**
   * Passes on a request whose bytes are all in hand, where they are, and returns the position after it. Of one that is not
   * whole, or whose body is empty or of no use, only the header is read, and copied, lest its nonce hold what was read
   * around it.
   */
  #takeRequest(chunk: Buffer, position: number, bodyStart: number, emit: (frame: Frame) => void): number {
    const header = decodeRequestHeader(chunk, position);
    const end = bodyStart + header.bodySize;
    const isKept = end <= chunk.length && header.bodySize > 0 && !this.#needsEndsOnly(header);
    if (!isKept || refuseHeader(header, this.#rules) !== undefined) {
      this.#startBody(decodeRequestHeader(Buffer.from(chunk.subarray(position, bodyStart)), 0), emit);
      return bodyStart;
    }
    const body = { buffer: chunk, start: bodyStart, size: header.bodySize };
    emit({ header, body, endsOnly: false, refused: undefined });
    return end;
  }

  #needsEndsOnly(header: RequestHeader): boolean {
    return header.bodySize > keptEnds && !this.#rules.keepsBody(header);
  }

  #startBody(header: RequestHeader, emit: (frame: Frame) => void): void {
    const refused = refuseHeader(header, this.#rules);
    if (refused !== undefined) {
      this.#closed = true;
      emit({ header, body: noBody, endsOnly: false, refused });
    } else if (header.bodySize === 0) {
      emit({ header, body: noBody, endsOnly: false, refused: undefined });
    } else {
      this.#header = header;
    }
  }

  /** Reads on in the body; returns the position after what it used. */
  #takeBody(header: RequestHeader, chunk: Buffer, position: number, emit: (frame: Frame) => void): number {
    const end = Math.min(chunk.length, position + header.bodySize - this.#received);
    const piece = chunk.subarray(position, end);
    const endsOnly = this.#needsEndsOnly(header);
    if (piece.length === header.bodySize) {
      const body = sliceOf(endsOnly ? endsOf(piece) : piece);
      this.#finish({ header, body, endsOnly, refused: undefined }, emit);
      return end;
    }
    if (endsOnly) this.#keepEnds(piece, header.bodySize);
    else this.#append(piece, header.bodySize);
    this.#received += piece.length;
    if (this.#received === header.bodySize) {
      const memory = this.#body;
      const body = { buffer: memory, start: 0, size: endsOnly ? keptEnds : header.bodySize };
      this.#finish({ header, body, memory, endsOnly, refused: undefined }, emit);
    }
    return end;
  }

  #append(piece: Buffer, bodySize: number): void {
    const needed = this.#received + piece.length;
    if (needed > this.#body.length) {
      const size = Math.min(bodySize, Math.max(needed * growth, firstAllocation));
      const grown = needed < largeSize ? Buffer.alloc(size) : this.#memory.take();
      this.#body.copy(grown, 0, 0, this.#received);
      this.#body = grown;
    }
    piece.copy(this.#body, this.#received);
  }

  #keepEnds(piece: Buffer, bodySize: number): void {
    if (this.#body.length === 0) this.#body = Buffer.alloc(keptEnds);
    if (this.#received < challengeSize) {
      piece.copy(this.#body, this.#received, 0, challengeSize - this.#received);
    }
    const tailStart = bodySize - terminatorSize;
    if (this.#received + piece.length > tailStart) {
      const from = Math.max(0, tailStart - this.#received);
      piece.copy(this.#body, challengeSize + this.#received + from - tailStart, from);
    }
  }

  #finish(frame: Frame, emit: (frame: Frame) => void): void {
    this.#header = undefined;
    this.#body = noBytes;
    this.#received = 0;
    emit(frame);
  }
}

const noBytes = Buffer.alloc(0);
const noBody = sliceOf(noBytes);
const always = () => true;

function endsOf(body: Buffer): Buffer {
  return Buffer.concat([body.subarray(0, challengeSize), body.subarray(body.length - terminatorSize)]);
}
