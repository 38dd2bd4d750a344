import type { Command, ReplayRules } from '../commands/command.ts';
import type { Coin } from '../domain/coin.ts';
import { sentHmac } from '../protocol/body.ts';
import type { Frame } from '../protocol/framer.ts';
import { Refusal } from '../protocol/refusal.ts';
import { requestIdentity } from '../protocol/request-identity.ts';
import { Status } from '../protocol/status.ts';
import type { Answered, RequestIdentity } from '../storage/replay-window.ts';
import type { Reader } from '../storage/store.ts';
import type { Client } from './client.ts';
import type { RateLimits } from './rate-limits.ts';

/** What stands between a sound request and its command: limits, and memory of what came before. */
export class Safeguards {
  readonly #limits: RateLimits;
  readonly #replay: ReplayRules;
  readonly #monotonicMs: () => number;

  constructor(limits: RateLimits, replay: ReplayRules, monotonicMs: () => number) {
    this.#limits = limits;
    this.#replay = replay;
    this.#monotonicMs = monotonicMs;
  }

  /** Why a key exchange request is not even opened (SG-1); undefined where it may be. */
  limit(command: Command | undefined, client: Client): string | undefined {
    if (command?.trace === undefined) return undefined;
    const { origin, isGone } = client;
    if (isGone) return 'client-gone';
    if (origin === undefined) return undefined;
    const now = this.#monotonicMs();
    if (command.guessReason !== undefined && this.#limits.missesExhausted(origin, now)) return 'misses-rate';
    return this.#limits.refuse(origin, now);
  }

  /** The same where a coin is claimed (SG-1). */
  limitCoin(coin: Coin | undefined, client: Client): string | undefined {
    if (coin === undefined || client.origin === undefined) return undefined;
    return this.#limits.refuseCoin(coin, this.#monotonicMs());
  }

  /** Whether `limit` may refuse what comes next; asking counts nothing. */
  mayTurnAway({ origin, isGone }: Client): boolean {
    return isGone || (origin !== undefined && this.#limits.areExhausted(origin, this.#monotonicMs()));
  }

  /** Counts a refusal that was a guess. */
  noticeRefusal(command: Command | undefined, reason: string, client: Client): void {
    if (command?.guessReason !== reason || client.origin === undefined) return;
    this.#limits.countMiss(client.origin, this.#monotonicMs());
  }

  /** What identifies an authenticated key exchange request; undefined for any other. */
  identityOf({ header, body }: Frame, command: Command): RequestIdentity | undefined {
    if (this.#replay.windowMs === 0 || command.trace === undefined || header.coins.length === 0) return undefined;
    const hmac = command.access === 'write' ? sentHmac(header, body) : undefined;
    return { identity: requestIdentity(header, body), body, hmac };
  }

  /**
   * The answer to a request that came before, within its window (SG-2); undefined for a new one. Throws a Refusal for one
   * that comes too late, and for a nonce that its coin has used for other bytes (SG-3).
   */
  repeated(identity: RequestIdentity | undefined, reader: Reader, now: number): Answered | undefined {
    if (identity === undefined) return undefined;
    const known = reader.replays.look(identity);
    if (known.kind === 'same') {
      if (Math.abs(now - known.answered.time) <= this.#replay.windowMs) return known.answered;
      throw new Refusal(Status.INVALID_ENCRYPTION, 'replayed');
    }
    if (known.kind === 'other' && this.#replay.refusesNonceReuse) {
      throw new Refusal(Status.INVALID_ENCRYPTION, 'nonce-reused');
    }
    return undefined;
  }
}
