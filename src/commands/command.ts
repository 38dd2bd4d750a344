import { Buffer } from 'node:buffer';
import type { Slice } from '../bytes/slice.ts';
import type { Coin } from '../domain/coin.ts';
import type { CoinRange } from '../domain/coin-range.ts';
import type { RandomSource } from '../domain/random.ts';
import type { Status } from '../protocol/status.ts';
import type { EventEntry } from '../storage/events.ts';
import type { Reader, Writer } from '../storage/store.ts';

/** Who may post a key id that is taken: the coin that posted it, anyone, nobody (Q10). */
export type KeyReplacement = 'same-coin' | 'any' | 'never';

/** What Decrypt RAIDA Key may restore, and how often. */
export interface ReconstructionRules {
  readonly mode: 'on' | 'allowlist' | 'off';
  readonly allowed: readonly CoinRange[];
  /** Of one coin's half; 0 is without limit. */
  readonly perDay: number;
  readonly distinctAuthorities: boolean;
}

/** What becomes of authenticated requests that come again. */
export interface ReplayRules {
  /** For so long the same bytes are answered as the first time. */
  readonly windowMs: number;
  readonly refusesNonceReuse: boolean;
}

/** How many keys may be stored; 0 is without limit. */
export interface KeyLimits {
  readonly perCoin: number;
  readonly total: number;
}

export interface Statistics {
  readonly uptimeSeconds: number;
  readonly requests: number;
  readonly failures: number;
}

/** What a command may know of the node that it runs on. */
export interface NodeFacts {
  readonly raidaId: number;
  readonly coinId: number;
  readonly version: string;
  /** 16 bytes; without one, nobody is shown statistics. */
  readonly adminKey: Buffer | undefined;
  readonly keyReplacement: KeyReplacement;
  /** Whether a key is removed once it was fetched. */
  readonly keysSingleUse: boolean;
  /** The coins that tickets are issued for (Q16). */
  readonly ticketRecipients: readonly CoinRange[];
  readonly ticketsRequireEncryption: boolean;
  readonly reconstruction: ReconstructionRules;
  readonly keyLimits: KeyLimits;
  /** Whether get key is refused under type 1. */
  readonly refusesTypeOneGet: boolean;
  readonly replay: ReplayRules;
  statistics(): Statistics;
}

/** Everything about one request that is not in its payload: nothing below the server is ambient. */
export interface Call {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: RandomSource;
  readonly encryptionType: number;
  /** The header's nonce: 8 bytes, for types 4 and 5 24. */
  readonly nonce: Slice;
  /** The coins whose authentication numbers opened the request: none for type 0. */
  readonly coins: readonly Coin[];
  readonly node: NodeFacts;
}

/** A reply before it is sealed. */
export interface Answer {
  readonly status: Status;
  readonly payload: Buffer;
}

/** What the event log keeps of a request beside its header. */
export type Trace = Pick<EventEntry, 'claimedCoin' | 'keyId' | 'fetched' | 'reconstructions'>;

interface Definition<Input, Output> {
  readonly group: number;
  readonly code: number;
  readonly name: string;
  /** The refusal for a payload of this size; undefined where the command has such a form. */
  refuseSize(payloadSize: number): Status | undefined;
  /** Whether parse looks at the payload; if not, a long one is never held in memory. */
  readonly usesPayload: boolean;
  /** Whether a type 0 request without any body is answered (Q15). */
  readonly answersEmptyBody: boolean;
  parse(payload: Buffer): Input;
  /** Id of the key that a request looks for, from a payload of the right size; present where it needs little else. */
  soughtKey?(payload: Buffer): Buffer;
  encode(output: Output): Answer;
  /** The reason of refusals that guess at secrets, where there are such: an address gets a limited number of them. */
  readonly guessReason?: string;
  /** Present where every request leaves an event; `output` is missing for one that was refused. */
  trace?(input: Input, output: Output | undefined): Trace;
}

interface ReadDefinition<Input, Output> extends Definition<Input, Output> {
  readonly access: 'read';
  execute(input: Input, store: Reader, call: Call): Output;
}

interface WriteDefinition<Input, Output> extends Definition<Input, Output> {
  readonly access: 'write';
  /** Set where the command can fail after its first write, and then has to be undone alone. */
  readonly needsSavepoint: boolean;
  execute(input: Input, store: Writer, call: Call): Output;
}

/** A command with its types forgotten, as the registry and dispatch know it. */
export type Command = ReadDefinition<unknown, unknown> | WriteDefinition<unknown, unknown>;

export function defineCommand<Input, Output>(
  definition: ReadDefinition<Input, Output> | WriteDefinition<Input, Output>,
): Command {
  return definition as Command;
}

export const emptyPayload = Buffer.alloc(0);
