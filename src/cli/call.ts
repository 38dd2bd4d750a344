import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parseHex } from '../bytes/hex.ts';
import { RaidaClient, type TicketRecord } from '../client/client.ts';
import { keyIdSize } from '../domain/chat-key.ts';
import { authenticationNumberSize, type Coin, coinName, parseCoinName } from '../domain/coin.ts';
import { halfSize } from '../domain/coin-page.ts';
import { xor } from '../protocol/cipher.ts';
import { EncryptionType } from '../protocol/encryption-type.ts';
import type { KnownCoin } from '../protocol/request.ts';
import { ticketSize } from '../protocol/ticket.ts';
import { UsageError } from './arguments.ts';
import { printFields, printJson } from './output.ts';

export interface CallOptions {
  readonly raidaId: number;
  readonly coinId: number;
  /** `DEN:SN`, up to two. */
  readonly coins: readonly string[];
  /** The authentication numbers of these coins, in their order: hexadecimal, or `@FILE`. */
  readonly secrets: readonly string[];
  readonly encryptionType?: number | undefined;
  /** First 8 bytes of the nonce for tickets and what is done with them, hexadecimal. */
  readonly nonce?: string | undefined;
  readonly json: boolean;
}

type Result = Readonly<Record<string, unknown>>;
type Action = (client: RaidaClient, words: readonly string[], options: CallOptions) => Promise<Result>;

interface CallCommand {
  /** The words that follow the command's name, for usage messages. */
  readonly usage: string;
  readonly run: Action;
}

/** Every command of the node, called over the wire. */
const callCommands: Readonly<Record<string, CallCommand>> = {
  echo: { usage: '', run: (client) => done(client.echo()) },
  version: { usage: '', run: async (client) => ({ version: await client.version() }) },
  'show-stats': {
    usage: 'ADMIN-KEY|@FILE',
    run: async (client, [key]) => client.showStats(secret(key, authenticationNumberSize)),
  },
  'count-coins': { usage: '', run: async (client) => ({ counts: await client.countCoins() }) },
  'post-key': { usage: 'ID DEN:SN KEY|@FILE', run: postKey },
  'get-key': { usage: 'ID', run: getKey },
  'key-alert': { usage: '[TEXT]', run: (client, [text = '']) => done(client.keyAlert(Buffer.from(text))) },
  'encrypt-key': { usage: 'DEN:SN [AN-OF-THAT-COIN|@FILE]', run: encryptKey },
  ticket: { usage: 'DEN:SN PART', run: ticket },
  'decrypt-raida-key': { usage: 'DEN:SN HALF,RAIDA,DEN:SN,TICKET ...', run: decryptRaidaKey },
};

export const callCommandNames = Object.keys(callCommands);

/** `raida-node call HOST:PORT COMMAND ...`. */
export async function call(
  target: string,
  name: string,
  words: readonly string[],
  options: CallOptions,
): Promise<void> {
  const command = callCommands[name];
  if (command === undefined)
    throw new UsageError(`there is no command ${name}; there are ${callCommandNames.join(', ')}`);
  const client = await RaidaClient.connect({
    ...parseTarget(target),
    raidaId: options.raidaId,
    coinId: options.coinId,
    coins: knownCoins(options),
    encryptionType: encryptionTypeOf(options.encryptionType),
  });
  try {
    const result = await command.run(client, words, options);
    if (options.json) printJson(result);
    else printFields(result);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${error.message}; usage: ${name} ${command.usage}`);
    throw error;
  } finally {
    client.close();
  }
}

async function done(work: Promise<void>): Promise<Result> {
  await work;
  return { status: 'SUCCESS' };
}

async function postKey(client: RaidaClient, [id, coin, key]: readonly string[]): Promise<Result> {
  return done(client.postKey(hex(id, keyIdSize), { coin: coinOf(coin), key: secret(key) }));
}

/** The key is what the caller asked for: it is theirs to see. */
async function getKey(client: RaidaClient, [id]: readonly string[]): Promise<Result> {
  const { coin, key } = await client.getKey(hex(id, keyIdSize));
  return { coin: coinName(coin), key: key.toString('hex') };
}

async function encryptKey(client: RaidaClient, [recipient, recipientSecret]: readonly string[]): Promise<Result> {
  const encryptedKey = await client.encryptKey(coinOf(recipient));
  const opened =
    recipientSecret === undefined
      ? {}
      : { sessionKey: xor(encryptedKey, secret(recipientSecret, authenticationNumberSize)).toString('hex') };
  return { encryptedKey: encryptedKey.toString('hex'), ...opened };
}

async function ticket(
  client: RaidaClient,
  [recipient, part]: readonly string[],
  options: CallOptions,
): Promise<Result> {
  const issued = await client.requestTicket(coinOf(recipient), hex(part, halfSize), nonceOf(options));
  return { ticket: issued.toString('hex') };
}

async function decryptRaidaKey(
  client: RaidaClient,
  [encryptionCoin, ...words]: readonly string[],
  options: CallOptions,
): Promise<Result> {
  if (words.length === 0) throw new TypeError('name at least one ticket');
  const accepted = await client.decryptRaidaKey(coinOf(encryptionCoin), words.map(ticketRecord), nonceOf(options));
  return { accepted };
}

function ticketRecord(word: string): TicketRecord {
  const [half, authority, target, sealed] = word.split(',');
  if (half !== '0' && half !== '1') throw new TypeError('the half is 0 or 1');
  return {
    splitId: half === '0' ? 0 : 1,
    authority: Number(authority),
    target: coinOf(target),
    ticket: hex(sealed, ticketSize),
  };
}

function parseTarget(target: string): { host: string; port: number } {
  const match = /^\[?(.+?)\]?:(\d{1,5})$/.exec(target);
  if (match === null) throw new UsageError(`${target} is not HOST:PORT`);
  return { host: match[1] ?? '', port: Number(match[2]) };
}

function knownCoins({ coins, secrets }: CallOptions): KnownCoin[] {
  if (coins.length !== secrets.length) throw new UsageError('give one --an for each --coin');
  return coins.map((coin, index) => ({
    ...coinOf(coin),
    authenticationNumber: secret(secrets[index], authenticationNumberSize),
  }));
}

function encryptionTypeOf(number: number | undefined): EncryptionType | undefined {
  if (number === undefined) return undefined;
  const known = Object.values(EncryptionType).find((type) => type === number);
  if (known === undefined) throw new UsageError('encryption types are 0, 1, 4 and 5');
  return known;
}

function nonceOf({ nonce }: CallOptions): Buffer | undefined {
  return nonce === undefined ? undefined : hex(nonce, 8);
}

function coinOf(text = ''): Coin {
  const coin = parseCoinName(text);
  if (coin === undefined) throw new TypeError(`"${text}" is not a coin (DEN:SN)`);
  return coin;
}

function hex(text = '', size?: number): Buffer {
  return parseHex(text, size);
}

/** A secret in hexadecimal, or `@FILE` to keep it out of the process list. */
function secret(text = '', size?: number): Buffer {
  return parseHex(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8').trim() : text, size);
}
