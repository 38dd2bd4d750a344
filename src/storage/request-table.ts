import { Buffer } from 'node:buffer';
import { copyBytes } from '../bytes/copy.ts';
import { PlaceTable } from './place-table.ts';

/** What is remembered of a request, beside its identity. */
export interface RememberedRequest {
  /** As it was sent, or its HMAC, or a digest of it. */
  readonly body: Buffer;
  readonly isDigest: boolean;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly status: number;
  readonly payload: Buffer;
}

const bytesAtFirst = 65_536;

/** Requests and their answers by what identifies them, in the order in which they came; their bytes one after the other. */
export class RequestTable extends PlaceTable {
  readonly #capacity: number;
  #bytes = Buffer.alloc(bytesAtFirst);
  /** Where the identity, the body and the payload of a request begin, and where all of it ends. */
  readonly #starts: Uint32Array;
  readonly #bodyStarts: Uint32Array;
  readonly #payloadStarts: Uint32Array;
  readonly #times: Float64Array;
  readonly #statuses: Uint8Array;
  readonly #digests: Uint8Array;
  #size = 0;

  /** `capacity`, a power of two, is how many requests it takes. */
  constructor(capacity: number) {
    super(capacity);
    this.#capacity = capacity;
    this.#starts = new Uint32Array(capacity + 1);
    this.#bodyStarts = new Uint32Array(capacity);
    this.#payloadStarts = new Uint32Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#statuses = new Uint8Array(capacity);
    this.#digests = new Uint8Array(capacity);
  }

  get isFull(): boolean {
    return this.#size === this.#capacity;
  }

  /** Adds a request whose identity is not there; `hash` is `hashOf(identity)`. Throws RangeError where it is full. */
  add(identity: Buffer, hash: number, { body, isDigest, time, status, payload }: RememberedRequest): void {
    if (this.isFull) throw new RangeError(`at most ${this.#capacity} requests`);
    const place = this.#size;
    const start = this.#starts[place] ?? 0;
    const bodyStart = start + identity.length;
    const payloadStart = bodyStart + body.length;
    const end = payloadStart + payload.length;
    this.#makeRoom(end);
    copyBytes(identity, 0, this.#bytes, start, identity.length);
    copyBytes(body, 0, this.#bytes, bodyStart, body.length);
    copyBytes(payload, 0, this.#bytes, payloadStart, payload.length);
    this.#bodyStarts[place] = bodyStart;
    this.#payloadStarts[place] = payloadStart;
    this.#starts[place + 1] = end;
    this.#times[place] = time;
    this.#statuses[place] = status;
    this.#digests[place] = isDigest ? 1 : 0;
    this.#size += 1;
    this.occupy(place, hash);
  }

  /** Forgets all requests, and keeps their memory for others. */
  override clear(): void {
    super.clear();
    this.#size = 0;
  }

  /** The place of the one that came last is given back. */
  override delete(identity: Buffer, hash: number): void {
    const place = this.placeOf(identity, hash);
    super.delete(identity, hash);
    if (place !== undefined && place === this.#size - 1) this.#size = place;
  }

  /** The request at a place; its bytes are this table's own. */
  at(place: number): RememberedRequest {
    const payloadStart = this.#payloadStarts[place] ?? 0;
    return {
      body: this.#bytes.subarray(this.#bodyStarts[place], payloadStart),
      isDigest: this.#digests[place] === 1,
      time: this.#times[place] ?? 0,
      status: this.#statuses[place] ?? 0,
      payload: this.#bytes.subarray(payloadStart, this.#starts[place + 1]),
    };
  }

  protected override holds(place: number, identity: Buffer): boolean {
    const start = this.#starts[place] ?? 0;
    if (start + identity.length !== this.#bodyStarts[place]) return false;
    for (let index = 0; index < identity.length; index += 1) {
      if (this.#bytes[start + index] !== identity[index]) return false;
    }
    return true;
  }

  #makeRoom(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(size, this.#bytes.length * 2));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}
