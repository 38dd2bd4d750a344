import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { type ChatKey, decodeChatKey, keySizeMax } from '../domain/chat-key.ts';
import type { Coin } from '../domain/coin.ts';
import type { RandomSource } from '../domain/random.ts';
import { ReplyError } from '../protocol/body.ts';
import { xor } from '../protocol/cipher.ts';
import { EncryptionType } from '../protocol/encryption-type.ts';
import { equalSecrets } from '../protocol/hmac.ts';
import { type Encryption, encodeRequest, type KnownCoin } from '../protocol/request.ts';
import { isSuccess, statusName } from '../protocol/status.ts';
import { ClientConnection } from './connection.ts';
import {
  coinCountPayload,
  coinPayload,
  getKeyPayload,
  postKeyPayload,
  sessionKeyPayload,
  statisticsPayload,
  ticketPayload,
  ticketRecordPayload,
} from './payloads.ts';

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly raidaId: number;
  readonly coinId: number;
  /** Sealed with type 4 under one coin, 5 under two; without coins type 0. */
  readonly coins?: readonly KnownCoin[];
  /** Overrides that choice: type 1 for nodes that know nothing newer. */
  readonly encryptionType?: EncryptionType | undefined;
  readonly timeoutMs?: number;
}

/** One half of a lost authentication number on its way home. */
export interface TicketRecord {
  readonly splitId: 0 | 1;
  /** RAIDA that issued the ticket. */
  readonly authority: number;
  readonly target: Coin;
  readonly ticket: Buffer;
}

/** The node's answer was no. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(command: string, status: number) {
    super(`${command} was refused with status ${status} ${statusName(status)}`);
    this.name = 'RefusedError';
    this.status = status;
  }
}

const systemRandom: RandomSource = { bytes: (size) => randomBytes(size) };
const defaultTimeoutMs = 10_000;
const noAddress = Buffer.alloc(16);
const noCoin: Coin = { denomination: 0, serialNumber: 0 };
const empty = Buffer.alloc(0);

/** Speaks to one node. Every method rejects with RefusedError, ReplyError or ConnectionError. */
export class RaidaClient {
  readonly #options: ClientOptions;
  readonly #encryption: Encryption;
  readonly #connection: ClientConnection;

  static async connect(options: ClientOptions): Promise<RaidaClient> {
    const { host, port, timeoutMs = defaultTimeoutMs } = options;
    return new RaidaClient(options, await ClientConnection.open(host, port, timeoutMs));
  }

  private constructor(options: ClientOptions, connection: ClientConnection) {
    const coins = options.coins ?? [];
    this.#options = options;
    this.#connection = connection;
    this.#encryption = { type: options.encryptionType ?? defaultType(coins), coins };
  }

  close(): void {
    this.#connection.close();
  }

  /** Resolves when the node is there and, with coins, shares their secret. */
  async echo(): Promise<void> {
    await this.#call('echo', 0, 0, empty);
  }

  async version(): Promise<string> {
    return (await this.#call('version', 0, 1, empty)).toString('ascii');
  }

  async showStats(adminKey: Buffer): Promise<{ uptimeSeconds: number; requests: number; failures: number }> {
    const { uptimeSeconds, requests, failures } = statisticsPayload.decode(
      await this.#call('show-stats', 0, 2, adminKey),
    );
    return { uptimeSeconds, requests, failures };
  }

  /** Coins in use for each denomination. */
  async countCoins(): Promise<{ denomination: number; inUse: number }[]> {
    const payload = await this.#call('count-coins', 0, 3, empty);
    const counts = [];
    for (let start = 0; start < payload.length; start += coinCountPayload.size) {
      counts.push(coinCountPayload.decode(payload.subarray(start, start + coinCountPayload.size)));
    }
    return counts;
  }

  /** Leaves a key of at most 127 bytes under a 16-byte id. */
  async postKey(keyId: Buffer, chatKey: ChatKey): Promise<void> {
    if (chatKey.key.length > keySizeMax) throw new RangeError(`a key has at most ${keySizeMax} bytes`);
    const pad = systemRandom.bytes(128);
    chatKey.key.copy(pad);
    const payload = postKeyPayload.encode({
      keyId,
      clientAddress: noAddress,
      ...chatKey.coin,
      pad,
      keyStart: 0,
      keySize: chatKey.key.length,
    });
    await this.#call('post-key', 4, 41, payload);
  }

  async getKey(keyId: Buffer, claimedCoin: Coin = noCoin): Promise<ChatKey> {
    const payload = getKeyPayload.encode({ keyId, ...claimedCoin, clientAddress: noAddress });
    const chatKey = decodeChatKey(await this.#call('get-key', 4, 43, payload));
    if (typeof chatKey === 'string') throw new ReplyError(chatKey);
    return chatKey;
  }

  async keyAlert(message: Buffer = empty): Promise<void> {
    await this.#call('key-alert', 4, 42, message);
  }

  /** A fresh session key for the recipient: 16 bytes, XORed with the authentication number that the node has of it. */
  async encryptKey(recipient: Coin): Promise<Buffer> {
    return sessionKeyPayload.decode(await this.#call('encrypt-key', 4, 44, coinPayload.encode(recipient))).sealed;
  }

  /** A ticket that carries 8 bytes of an authentication number to the owner of the recipient coin. */
  async requestTicket(recipient: Coin, part: Buffer, nonceStart?: Buffer): Promise<Buffer> {
    return this.#call('encrypt-key', 4, 44, ticketPayload.encode({ ...recipient, part }), nonceStart);
  }

  /** Hands tickets to the server that lost a secret; for each whether it was accepted. */
  async decryptRaidaKey(
    encryptionCoin: Coin,
    records: readonly TicketRecord[],
    nonceStart?: Buffer,
  ): Promise<boolean[]> {
    const { coinId } = this.#options;
    const encoded = records.map(({ target, ...record }) =>
      ticketRecordPayload.encode({ ...record, ...target, coinId, shardId: 0 }),
    );
    const payload = Buffer.concat([coinPayload.encode(encryptionCoin), ...encoded]);
    return [...(await this.#call('decrypt-raida-key', 4, 45, payload, nonceStart))].map((result) => result === 1);
  }

  async #call(
    name: string,
    commandGroup: number,
    command: number,
    payload: Buffer,
    nonceStart?: Buffer,
  ): Promise<Buffer> {
    const { raidaId, coinId } = this.#options;
    const encryption = this.#encryption;
    const request = encodeRequest(
      { raidaId, coinId, commandGroup, command, payload, encryption, nonceStart },
      systemRandom,
    );
    const reply = await this.#connection.send(request);
    if (!isSuccess(reply.status)) throw new RefusedError(name, reply.status);
    if (encryption.type === EncryptionType.none || encryption.type === EncryptionType.coin) {
      const [coin] = encryption.coins;
      const expected = coin === undefined ? request.challenge : xor(request.challenge, coin.authenticationNumber);
      if (!equalSecrets(reply.signature, expected)) throw new ReplyError('is not signed with the shared secret');
    }
    return reply.payload;
  }
}

function defaultType(coins: readonly KnownCoin[]): EncryptionType {
  if (coins.length === 0) return EncryptionType.none;
  return coins.length === 1 ? EncryptionType.coinHashed : EncryptionType.twoCoinsHashed;
}
