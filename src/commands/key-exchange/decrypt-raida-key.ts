/**
 * Decrypt RAIDA key, group 4, code 45 (KX-45): opens tickets with this node's own encryption coin and writes the halves of
 * authentication numbers that they carry. Reads coins/ and tickets; writes coin_pages, the bitmap and tickets. A refused
 * record changes nothing and does not undo the others.
 */
import { Buffer } from 'node:buffer';
import { u8, u16 } from '../../bytes/numbers.ts';
import { bytes, nested, struct } from '../../bytes/struct.ts';
import { type Coin, coinLayout, isValidCoin, raidaCount, sameCoin } from '../../domain/coin.ts';
import { type CoinRecord, type Half, halfOf, withHalf } from '../../domain/coin-page.ts';
import { isInRange } from '../../domain/coin-range.ts';
import type { EncryptionCoin } from '../../domain/encryption-coin.ts';
import { mfsAt } from '../../domain/mfs.ts';
import { equalSecrets } from '../../protocol/hmac.ts';
import { Refusal } from '../../protocol/refusal.ts';
import { Status } from '../../protocol/status.ts';
import { openTicket, ticketSize } from '../../protocol/ticket.ts';
import type { Reconstruction } from '../../storage/events.ts';
import { halfContext } from '../../storage/half-context.ts';
import type { Writer } from '../../storage/store.ts';
import { type Call, defineCommand } from '../command.ts';

export const decryptRaidaKey = defineCommand({
  group: 4,
  code: 45,
  name: 'decrypt-raida-key',
  access: 'write',
  needsSavepoint: true,
  usesPayload: true,
  answersEmptyBody: false,
  refuseSize(payloadSize) {
    const recordsSize = payloadSize - coinLayout.size;
    if (recordsSize < recordLayout.size) return Status.INVALID_PACKET_LENGTH;
    return recordsSize % recordLayout.size === 0 ? undefined : Status.COINS_NOT_DIV;
  },
  parse(payload): Input {
    const records: TicketRecord[] = [];
    for (let start = coinLayout.size; start < payload.length; start += recordLayout.size) {
      records.push(recordLayout.read(payload, start));
    }
    return { encryptionCoin: coinLayout.read(payload, 0), records };
  },
  execute({ encryptionCoin, records }: Input, store, call): Reconstruction[] {
    const keys = store.encryptionCoins.load(encryptionCoin, call.now);
    if (typeof keys === 'string') throw new Refusal(Status.COIN_LOAD, `encryption coin ${keys}`);
    const outcomes: Reconstruction[] = [];
    for (const record of records) outcomes.push(restore(record, encryptionCoin, keys, outcomes, store, call));
    return outcomes;
  },
  encode: (outcomes: Reconstruction[]) => ({
    status: Status.SUCCESS,
    payload: Buffer.from(outcomes.map((outcome) => (outcome.reason === undefined ? accepted : refused))),
  }),
  trace: ({ encryptionCoin }, outcomes) => ({ claimedCoin: encryptionCoin, reconstructions: outcomes }),
});

interface TicketRecord {
  readonly splitId: number;
  readonly authority: number;
  readonly target: Coin;
  readonly ticket: Buffer;
}

interface Input {
  readonly encryptionCoin: Coin;
  readonly records: readonly TicketRecord[];
}

const recordLayout = struct({
  coinId: u16,
  splitId: u8,
  authority: u8,
  shardId: u8,
  target: nested(coinLayout),
  ticket: bytes(ticketSize),
});

const accepted = 1;
const refused = 0;

/** Carries out one record: why it was refused, or, sealed, what it replaced. `earlier` are the same request's before it. */
function restore(
  record: TicketRecord,
  encryptionCoin: Coin,
  keys: EncryptionCoin,
  earlier: readonly Reconstruction[],
  store: Writer,
  call: Call,
): Reconstruction {
  const { target, splitId, authority, ticket } = record;
  const outcome = (reason?: string, previous?: Buffer) => ({ coin: target, splitId, authority, reason, previous });
  if (splitId !== 0 && splitId !== 1) return outcome('split-id');
  if (authority >= raidaCount) return outcome('authority');
  if (!isValidCoin(target)) return outcome('target-coin');
  const part = openTicket(keys.key(authority), call.nonce, ticket, target);
  if (part === undefined) return outcome('ticket-does-not-open');

  const identity = { encryptionCoin, authority, target, sealed: ticket };
  const acceptedAs = store.tickets.acceptedAs(identity);
  if (acceptedAs !== undefined) {
    return outcome(refuseRepeated(acceptedAs, splitId, store.coins.record(target), part));
  }
  const limited = refuseByRules(target, splitId, authority, earlier, store, call);
  if (limited !== undefined) return outcome(limited);
  const before = putHalf(target, splitId, part, store, call);
  store.tickets.remember(identity, splitId, call.now);
  const previous = Buffer.concat([halfOf(before.authenticationNumber, splitId), Buffer.from([before.mfs])]);
  return outcome(undefined, store.seal(halfContext(target, splitId), previous, call.random));
}

/** A ticket accepted before is accepted again as long as the half still holds its value; later it is a replay (Q13). */
function refuseRepeated(
  acceptedAs: number,
  splitId: Half,
  record: CoinRecord | undefined,
  part: Buffer,
): string | undefined {
  if (acceptedAs !== splitId) return 'ticket-used-for-other-half';
  const unchanged = record !== undefined && equalSecrets(halfOf(record.authenticationNumber, splitId), part);
  return unchanged ? undefined : 'ticket-replayed';
}

/** Limits what a forged ticket could do (KX-45.8): the log knows what was restored before. */
function refuseByRules(
  target: Coin,
  splitId: Half,
  authority: number,
  earlier: readonly Reconstruction[],
  store: Writer,
  call: Call,
): string | undefined {
  const { mode, allowed, perDay, distinctAuthorities } = call.node.reconstruction;
  if (mode === 'off') return 'reconstruction-off';
  if (mode === 'allowlist' && !allowed.some((range) => isInRange(range, target))) return 'not-in-allowlist';
  const before = earlier.filter(({ coin, reason }) => reason === undefined && sameCoin(coin, target));
  if (perDay > 0) {
    const today = before.filter((record) => record.splitId === splitId).length;
    if (today + store.reconstructions.count(target, splitId, call.now - dayMs) >= perDay) return 'too-often-restored';
  }
  if (!distinctAuthorities) return undefined;
  const otherHalf = splitId === 0 ? 1 : 0;
  const other = before.findLast((record) => record.splitId === otherHalf)?.authority;
  const last = other ?? store.reconstructions.lastAuthority(target, otherHalf);
  return last === authority ? 'same-authority' : undefined;
}

const dayMs = 86_400_000;

function putHalf(target: Coin, splitId: Half, part: Buffer, store: Writer, call: Call): CoinRecord {
  return store.coins.putRecord(
    target,
    (before) => ({
      authenticationNumber: withHalf(before.authenticationNumber, splitId, part),
      mfs: mfsAt(call.now),
    }),
    call.random,
  );
}
