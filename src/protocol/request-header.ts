import { i8, u8, u16, u32 } from '../bytes/numbers.ts';
import type { Slice } from '../bytes/slice.ts';
import { bytes, reserved, slice, struct } from '../bytes/struct.ts';
import type { Coin } from '../domain/coin.ts';
import { EncryptionType, isModern } from './encryption-type.ts';
import { Status } from './status.ts';

const routing = {
  version: u8,
  splitId: u8,
  raidaId: u8,
  shardId: u8,
  commandGroup: u8,
  command: u8,
  coinId: u16,
  presentation: reserved(8),
  encryptionType: u8,
};

/** Types 0, 1 and 2. */
export const legacyRequestHeader = struct({
  ...routing,
  denomination: i8,
  serialNumber: u32,
  bodySize: u16,
  nonce: slice(8),
});

/** Types 4 and 5. */
export const modernRequestHeader = struct({
  ...routing,
  bodySize: u16,
  denomination: i8,
  serialNumber: u32,
  nonce: slice(24),
});

/** How type 5 uses the first bytes of its nonce: they name the second coin. */
export const secondCoinInNonce = struct({ denomination: i8, serialNumber: u32, rest: bytes(19) });

/** This many bytes tell how long the header is. */
export const headerPrefixSize = struct(routing).size;

export interface RequestHeader {
  readonly version: number;
  readonly splitId: number;
  readonly raidaId: number;
  readonly shardId: number;
  readonly commandGroup: number;
  readonly command: number;
  readonly coinId: number;
  readonly encryptionType: number;
  /** The coins that the header names for its encryption: none, one, or two for type 5. Not checked against anything yet. */
  readonly coins: readonly Coin[];
  /** Size in bytes of the body that follows, terminator included. */
  readonly bodySize: number;
  /** 8 bytes, for types 4 and 5 24; the last two are echoed in the reply. */
  readonly nonce: Slice;
}

/** Size in bytes of the header whose first 17 bytes stand at `start`. */
export function requestHeaderSize(buffer: Buffer, start: number): number {
  return isModern(legacyRequestHeader.at.encryptionType.get(buffer, start))
    ? modernRequestHeader.size
    : legacyRequestHeader.size;
}

/** Reads a header that stands whole at `start`; its nonce stays there. */
export function decodeRequestHeader(buffer: Buffer, start: number): RequestHeader {
  const encryptionType = legacyRequestHeader.at.encryptionType.get(buffer, start);
  const layout = isModern(encryptionType) ? modernRequestHeader : legacyRequestHeader;
  const nonce = layout.at.nonce.get(buffer, start);
  return {
    version: legacyRequestHeader.at.version.get(buffer, start),
    splitId: legacyRequestHeader.at.splitId.get(buffer, start),
    raidaId: legacyRequestHeader.at.raidaId.get(buffer, start),
    shardId: legacyRequestHeader.at.shardId.get(buffer, start),
    commandGroup: legacyRequestHeader.at.commandGroup.get(buffer, start),
    command: legacyRequestHeader.at.command.get(buffer, start),
    coinId: legacyRequestHeader.at.coinId.get(buffer, start),
    encryptionType,
    coins: coinsOf(encryptionType, layout, buffer, start, nonce),
    bodySize: layout.at.bodySize.get(buffer, start),
    nonce,
  };
}

const noCoins: readonly Coin[] = [];

function coinsOf(
  encryptionType: number,
  layout: typeof legacyRequestHeader | typeof modernRequestHeader,
  buffer: Buffer,
  start: number,
  nonce: Slice,
): readonly Coin[] {
  if (encryptionType === EncryptionType.none) return noCoins;
  const first = {
    denomination: layout.at.denomination.get(buffer, start),
    serialNumber: layout.at.serialNumber.get(buffer, start),
  };
  if (encryptionType !== EncryptionType.twoCoinsHashed) return [first];
  const second = {
    denomination: secondCoinInNonce.at.denomination.get(nonce.buffer, nonce.start),
    serialNumber: secondCoinInNonce.at.serialNumber.get(nonce.buffer, nonce.start),
  };
  return [first, second];
}

/** What the header must name for this node to serve it. */
export interface Routing {
  readonly raidaId: number;
  readonly coinId: number;
  /** Whether the command is known in its group. */
  knows(commandGroup: number, command: number): boolean;
}

const commandGroupMax = 15;
const shardMax = 3;
const versionMax = 1;

/** The first rule that the header breaks, in the protocol's order (RH-1 to RH-8); undefined for a sound one. */
export function refuseHeader(header: RequestHeader, routing: Routing): Status | undefined {
  if (header.version > versionMax) return Status.INVALID_ROUTING;
  if (header.splitId !== 0) return Status.INVALID_SPLIT_ID;
  if (header.raidaId !== routing.raidaId) return Status.INVALID_RAIDA_ID;
  if (header.commandGroup > commandGroupMax) return Status.INVALID_COMMAND_GROUP;
  if (header.shardId > shardMax) return Status.INVALID_SHARD_ID;
  if (!routing.knows(header.commandGroup, header.command)) return Status.INVALID_COMMAND;
  if (header.coinId !== routing.coinId) return Status.INVALID_COIN_ID;
  switch (header.encryptionType) {
    case EncryptionType.none:
    case EncryptionType.coin:
    case EncryptionType.coinHashed:
    case EncryptionType.twoCoinsHashed:
    case EncryptionType.locker:
      return undefined;
    default:
      return Status.INVALID_ENCRYPTION_CODE;
  }
}
