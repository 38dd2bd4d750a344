/**
 * Decrypt RAIDA key, group 4, code 45 (KX-45): opens tickets with this node's own encryption coin and writes the halves of
 * authentication numbers that they carry. Reads coins/ and tickets; writes coin_pages, the bitmap and tickets. A refused
 * record changes nothing and does not undo the others.
 */
import { bytes, struct, u8, u16 } from '../../bytes/struct.ts';
import { type Coin, coinLayout, isValidCoin, raidaCount } from '../../domain/coin.ts';
import { type CoinRecord, type Half, halfOf, withHalf } from '../../domain/coin-page.ts';
import type { EncryptionCoin } from '../../domain/encryption-coin.ts';
import { mfsAt } from '../../domain/mfs.ts';
import { equalSecrets } from '../../protocol/cipher.ts';
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
      const record = recordLayout.decode(payload.subarray(start, start + recordLayout.size));
      records.push({ ...record, target: coinLayout.decode(record.target) });
    }
    return { encryptionCoin: coinLayout.decode(payload.subarray(0, coinLayout.size)), records };
  },
  execute({ encryptionCoin, records }: Input, store, call): Reconstruction[] {
    const keys = store.encryptionCoins.load(encryptionCoin, call.now);
    if (typeof keys === 'string') throw new Refusal(Status.COIN_LOAD, `encryption coin ${keys}`);
    return records.map((record) => restore(record, encryptionCoin, keys, store, call));
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
  target: bytes(coinLayout.size),
  ticket: bytes(ticketSize),
});

const accepted = 1;
const refused = 0;

/** Carries out one record: why it was refused, or, sealed, what it replaced. */
function restore(
  record: TicketRecord,
  encryptionCoin: Coin,
  keys: EncryptionCoin,
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
