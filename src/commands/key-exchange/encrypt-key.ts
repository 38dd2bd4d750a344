/**
 * Encrypt key, group 4, code 44 (KX-44). Two forms, told apart by their length (Q1): the session form returns a fresh key
 * XORed with the recipient's authentication number; the ticket form seals half of a lost authentication number for the
 * server that owns the recipient coin. Reads coin_pages; neither key nor ticket is kept.
 */
import { bytes, nested, struct } from '../../bytes/struct.ts';
import { authenticationNumberSize, type Coin, coinLayout, isValidCoin } from '../../domain/coin.ts';
import { halfSize } from '../../domain/coin-page.ts';
import { isInRange } from '../../domain/coin-range.ts';
import { xor } from '../../protocol/cipher.ts';
import { EncryptionType } from '../../protocol/encryption-type.ts';
import { Refusal } from '../../protocol/refusal.ts';
import { Status } from '../../protocol/status.ts';
import { sealTicket, ticketNonce, ticketRandomSize } from '../../protocol/ticket.ts';
import type { Reader } from '../../storage/store.ts';
import { type Call, defineCommand } from '../command.ts';

export const encryptKey = defineCommand({
  group: 4,
  code: 44,
  name: 'encrypt-key',
  access: 'read',
  usesPayload: true,
  answersEmptyBody: false,
  refuseSize: (payloadSize) =>
    payloadSize === sessionLayout.size || payloadSize === ticketLayout.size ? undefined : Status.INVALID_PACKET_LENGTH,
  parse(payload): Input {
    if (payload.length === sessionLayout.size) return { recipient: coinLayout.decode(payload), part: undefined };
    return ticketLayout.decode(payload);
  },
  execute({ recipient, part }: Input, store, call) {
    return part === undefined ? sessionKeyFor(recipient, store, call) : ticketFor(recipient, part, store, call);
  },
  encode: (sealed: Buffer) => ({ status: Status.NO_ERROR, payload: sealed }),
  trace: ({ recipient }) => ({ claimedCoin: recipient }),
});

interface Input {
  readonly recipient: Coin;
  /** Half of the authentication number to be restored: the ticket form. */
  readonly part: Buffer | undefined;
}

const sessionLayout = coinLayout;
const ticketLayout = struct({ recipient: nested(coinLayout), part: bytes(halfSize) });

function sessionKeyFor(recipient: Coin, store: Reader, call: Call): Buffer {
  const secret = isValidCoin(recipient) ? store.coins.authenticationNumber(recipient) : undefined;
  return xor(call.random.bytes(authenticationNumberSize), demand(secret));
}

function ticketFor(recipient: Coin, part: Buffer, store: Reader, call: Call): Buffer {
  if (call.encryptionType === EncryptionType.none && call.node.ticketsRequireEncryption) {
    throw new Refusal(Status.INVALID_ENCRYPTION, 'ticket-without-encryption');
  }
  // A ticket for just any coin would be a keystream oracle on its holder's traffic (Q16).
  if (!call.node.ticketRecipients.some((range) => isInRange(range, recipient))) {
    throw new Refusal(Status.INVALID_SN_OR_DENOMINATION, 'not-a-ticket-recipient');
  }
  // A range names valid coins only.
  const key = demand(store.coins.key(recipient));
  const restored = call.coins[0] ?? recipient;
  const nonce = ticketNonce(call.encryptionType, call.nonce);
  return sealTicket(key, nonce, restored, part, call.random.bytes(ticketRandomSize));
}

function demand(secret: Buffer | undefined): Buffer {
  if (secret === undefined) throw new Refusal(Status.INVALID_SN_OR_DENOMINATION, 'no-such-coin');
  return secret;
}
