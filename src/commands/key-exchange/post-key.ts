/**
 * Post key, group 4, code 41 (KX-41): leaves a key for chat partners. Writes chat_keys. The key lies somewhere in a pad of
 * 128 bytes; the coin is the poster's claim.
 */
import { u8 } from '../../bytes/numbers.ts';
import { bytes, nested, reserved, struct } from '../../bytes/struct.ts';
import { keyIdSize, keySizeMax } from '../../domain/chat-key.ts';
import { type Coin, coinLayout, sameCoin } from '../../domain/coin.ts';
import { Refusal } from '../../protocol/refusal.ts';
import { Status } from '../../protocol/status.ts';
import type { Writer } from '../../storage/store.ts';
import { defineCommand, emptyPayload, type KeyLimits, type KeyReplacement } from '../command.ts';

export const postKey = defineCommand({
  group: 4,
  code: 41,
  name: 'post-key',
  access: 'write',
  needsSavepoint: false,
  usesPayload: true,
  answersEmptyBody: false,
  refuseSize: (payloadSize) => (payloadSize === payloadLayout.size ? undefined : Status.INVALID_PACKET_LENGTH),
  parse: (payload) => payloadLayout.decode(payload),
  execute({ keyId, claimedCoin, pad, keyStart, keySize }, store, call) {
    if (keyStart + keySize > keySizeMax) throw new Refusal(Status.INVALID_KEY_LENGTH, 'key-length');
    const before = store.chatKeys.rowToReplace(keyId);
    if (before !== undefined && !mayReplace(call.node.keyReplacement, before, claimedCoin)) {
      throw new Refusal(Status.FILE_EXISTS, 'key-id-taken');
    }
    if (before === undefined) demandRoom(claimedCoin, store, call.node.keyLimits);
    const key = pad.subarray(keyStart, keyStart + keySize);
    store.chatKeys.putOver(before, keyId, { coin: claimedCoin, key }, call.now);
  },
  encode: () => ({ status: Status.SUCCESS, payload: emptyPayload }),
  trace: ({ keyId, claimedCoin }) => ({ keyId, claimedCoin }),
});

const payloadLayout = struct({
  keyId: bytes(keyIdSize),
  clientAddress: reserved(16),
  claimedCoin: nested(coinLayout),
  pad: bytes(128),
  keyStart: u8,
  keySize: u8,
});

/** Refuses a new id where the coin, or the node, holds as many keys as it may (KX-41.5). */
function demandRoom(coin: Coin, store: Writer, { perCoin, total }: KeyLimits): void {
  if (perCoin > 0 && store.keyCounts.of(coin) >= perCoin) throw new Refusal(Status.FILESYSTEM, 'coin-quota');
  if (total > 0 && store.keyCounts.reaches(total)) throw new Refusal(Status.FILESYSTEM, 'key-quota');
}

/** Whether the claimed coin may replace the key that `owner` posted (Q10). */
function mayReplace(replacement: KeyReplacement, owner: Coin, claimedCoin: Coin): boolean {
  if (replacement === 'same-coin') return sameCoin(owner, claimedCoin);
  return replacement === 'any';
}
