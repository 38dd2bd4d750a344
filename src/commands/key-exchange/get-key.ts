/**
 * Get key, group 4, code 43 (KX-43): fetches a key by its id, which is the bearer's secret. Reads chat_keys; the coin in
 * the payload is only recorded.
 */
import { bytes, nested, reserved, struct } from '../../bytes/struct.ts';
import { type ChatKey, encodeChatKey, keyIdSize } from '../../domain/chat-key.ts';
import { coinLayout } from '../../domain/coin.ts';
import { EncryptionType } from '../../protocol/encryption-type.ts';
import { Refusal } from '../../protocol/refusal.ts';
import { Status } from '../../protocol/status.ts';
import { defineCommand } from '../command.ts';

const unknownKey = 'unknown-key';

export const getKey = defineCommand({
  group: 4,
  code: 43,
  name: 'get-key',
  access: 'read',
  usesPayload: true,
  answersEmptyBody: false,
  guessReason: unknownKey,
  refuseSize: (payloadSize) => (payloadSize === payloadLayout.size ? undefined : Status.INVALID_PACKET_LENGTH),
  parse: (payload) => payloadLayout.decode(payload),
  soughtKey: (payload) => payloadLayout.at.keyId.get(payload, 0),
  execute({ keyId }, store, call) {
    if (call.encryptionType === EncryptionType.coin && call.node.refusesTypeOneGet) {
      throw new Refusal(Status.INVALID_ENCRYPTION, 'type-1-refused');
    }
    const chatKey = store.chatKeys.find(keyId);
    if (chatKey === undefined) throw new Refusal(Status.FILESYSTEM, unknownKey);
    return chatKey;
  },
  encode: (chatKey: ChatKey) => ({ status: Status.SUCCESS, payload: encodeChatKey(chatKey) }),
  trace: ({ keyId, claimedCoin }, output) => ({ keyId, claimedCoin, fetched: output !== undefined }),
});

const payloadLayout = struct({ keyId: bytes(keyIdSize), claimedCoin: nested(coinLayout), clientAddress: reserved(16) });
