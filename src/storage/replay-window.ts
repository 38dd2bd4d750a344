import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { copyCharacters } from '../bytes/copy.ts';
import { type Slice, viewOf } from '../bytes/slice.ts';
import { AuthenticatedRequests, type StoredRequest } from './authenticated-requests.ts';
import { type RememberedRequest, RequestTable } from './request-table.ts';
import { hashOf } from './secret-hash.ts';

/** What makes an authenticated request this request. */
export interface RequestIdentity {
  /** What no other request may share with it: command, encryption type, coins, nonce, challenge. */
  readonly identity: Buffer;
  readonly body: Slice;
  /** The HMAC of a request that writes: it stands for the body. Undefined where a body has none. */
  readonly hmac: Buffer | undefined;
}

/** What a request was answered, and when it first came. */
export interface Answered {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly status: number;
  readonly payload: Buffer;
}

/** What is known of a request: nothing, the very same bytes, or its identity with other bytes. */
export type Known =
  | { readonly kind: 'new' }
  | { readonly kind: 'same'; readonly answered: Answered }
  | { readonly kind: 'other' };

const unknown: Known = { kind: 'new' };

/** At least so many requests are remembered, and at most half as many more: the oldest are forgotten together, whoever sent them. */
const rememberedMin = 65_536;
const forgottenTogether = 32_768;
const digestSize = 16;
/** Bodies up to this size are kept in memory as they are: a digest takes ten times as long. */
const bodySizeKept = 96;

/**
 * Authenticated requests of late and their answers: those that wrote also across a restart.
 */
export class ReplayWindow {
  readonly #stored: AuthenticatedRequests;
  /** The newest first. */
  #generations = [new RequestTable(forgottenTogether)];
  /** What the transaction at hand has added, for its rollback, and what of that wrote, to be stored at its end. */
  readonly #added: Buffer[] = [];
  readonly #written: StoredRequest[] = [];
  /** The identity that was asked for last, and where it falls: remembered, it is not summed up again. */
  #asked: Buffer | undefined;
  #askedHash = 0;

  /** Throws DamagedRow. */
  constructor(database: Database) {
    this.#stored = new AuthenticatedRequests(database, rememberedMin);
    for (const request of this.#stored.newest()) {
      // An HMAC is longer.
      this.#hold(request.identity, { ...request, isDigest: request.body.length === digestSize });
    }
  }

  look({ identity, body, hmac }: RequestIdentity): Known {
    const found = this.#find(identity);
    if (found === undefined) return unknown;
    const sent = found.isDigest ? digestOf(viewOf(body)) : (hmac ?? viewOf(body));
    if (!found.body.equals(sent)) return { kind: 'other' };
    const { time, status, payload } = found;
    return { kind: 'same', answered: { time, status, payload: Buffer.from(payload) } };
  }

  /** Remembers what a new request was answered; where it `wrote`, `store` will store it. */
  remember({ identity, body, hmac }: RequestIdentity, answered: Answered, wrote: boolean): void {
    const isDigest = hmac === undefined && (wrote || body.size > bodySizeKept);
    const kept = isDigest ? digestOf(viewOf(body)) : (hmac ?? viewOf(body));
    const { time, status, payload } = answered;
    this.#hold(identity, { body: kept, isDigest, time, status, payload });
    this.#added.push(identity);
    if (wrote) this.#written.push({ identity, body: kept, time, status, payload });
  }

  #find(identity: Buffer): RememberedRequest | undefined {
    const hash = this.#hashOf(identity);
    for (const generation of this.#generations) {
      const place = generation.placeOf(identity, hash);
      if (place !== undefined) return generation.at(place);
    }
    return undefined;
  }

  #hold(identity: Buffer, remembered: RememberedRequest): void {
    const [newest] = this.#generations;
    const hash = this.#hashOf(identity);
    // Where nonces may come again, the latest request counts.
    newest?.delete(identity, hash);
    newest?.add(identity, hash, remembered);
    if (newest?.isFull === true) this.#forgetOldest();
  }

  #hashOf(identity: Buffer): number {
    if (identity === this.#asked) return this.#askedHash;
    this.#asked = identity;
    this.#askedHash = hashOf(identity);
    return this.#askedHash;
  }

  /** Makes room for as many as it forgets, in the same memory. */
  #forgetOldest(): void {
    const kept = this.#generations.slice(0, rememberedMin / forgottenTogether);
    const next = this.#generations[kept.length] ?? new RequestTable(forgottenTogether);
    next.clear();
    this.#generations = [next, ...kept];
  }

  get mark(): number {
    return this.#added.length;
  }

  /** Stores what the transaction at hand has to, as its last act. */
  store(): void {
    this.#stored.append(this.#written);
  }

  commit(): void {
    this.#added.length = 0;
    this.#written.length = 0;
  }

  rollBackTo(mark: number): void {
    // The latest first, which gives their places back: what is undone forgets nothing else.
    for (const identity of this.#added.splice(mark).reverse()) {
      if (this.#written.at(-1)?.identity === identity) this.#written.pop();
      const hash = this.#hashOf(identity);
      for (const generation of this.#generations) generation.delete(identity, hash);
    }
  }
}

/** The library hands over characters in a third of the time of a buffer. */
function digestOf(body: Buffer): Buffer {
  const digest = Buffer.allocUnsafe(digestSize);
  copyCharacters(hash('sha256', body, 'binary'), digest, 0, digestSize);
  return digest;
}
