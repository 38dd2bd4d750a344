import type { Command } from '../commands/command.ts';
import { type Coin, isValidCoin, sameCoin } from '../domain/coin.ts';
import { envelopeKey, envelopeSize, type OpenedBody, openBody, sealedText } from '../protocol/body.ts';
import { EncryptionType } from '../protocol/encryption-type.ts';
import type { Frame } from '../protocol/framer.ts';
import { type HmacsAhead, noHmacsAhead } from '../protocol/hmacs-ahead.ts';
import { Keystreams, type Text } from '../protocol/keystreams.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { RequestHeader } from '../protocol/request-header.ts';
import { Status } from '../protocol/status.ts';
import type { Reader, Writer } from '../storage/store.ts';

/** Opens the bodies of requests that come together. */
export class FrameOpener {
  readonly #keystreams = new Keystreams();
  readonly #hmacs: HmacsAhead;
  #frames: readonly Frame[] = [];
  /** Of the frame that is opened next, as long as they are opened in their order. */
  #next = 0;
  /** Those that were opened before their turn. */
  #opened: (OpenedBody | undefined)[] = [];
  #hasHmacsComputed = false;
  /** What the HMACs that were asked for are known by, and under which keys. */
  #hmacPlaces: (number | undefined)[] = [];
  #hmacKeys: (Buffer | undefined)[] = [];

  constructor(hmacs = noHmacsAhead) {
    this.#hmacs = hmacs;
  }

  /** These are the frames that will be opened, mostly in this order; those before are forgotten. */
  expect(frames: readonly Frame[]): void {
    this.#frames = frames;
    this.#next = 0;
    this.#opened = [];
    this.#hmacPlaces = [];
    this.#hmacKeys = [];
    this.#keystreams.clear();
    this.#hasHmacsComputed = this.#hmacs.begin(frames.length);
  }

  /** Whether `askForHmac` is of any use. */
  get hasHmacsComputed(): boolean {
    return this.#hasHmacsComputed;
  }

  /** Has the HMAC of the frame at a place computed, where that is of use. Throws TransactionLost. */
  askForHmac(index: number, writer: Writer): void {
    const frame = this.#frames[index];
    // A key of two coins is made for each request anew.
    if (frame === undefined || frame.header.coins.length > 1) return;
    try {
      const key = keyOf(frame.header, writer);
      if (key === undefined) return;
      this.#hmacPlaces[index] = this.#hmacs.ask(
        key,
        frame.body.buffer,
        frame.body.start,
        sealedText(frame.header, frame.body).size,
      );
      this.#hmacKeys[index] = key;
    } catch (error) {
      writer.assertActive(error);
    }
  }

  /**
   * Opens the frame at a place before its turn; undefined where it cannot be. In its turn it is told why, and opened
   * anew where its coin has another secret by then, or its key was forgotten. Throws TransactionLost.
   */
  openAhead(index: number, command: Command, writer: Writer): OpenedBody | undefined {
    const frame = this.#frames[index];
    // A key of two coins is made for each request anew.
    if (frame === undefined || frame.header.coins.length > 1) return undefined;
    try {
      this.#opened[index] = this.#open(index, frame, command, writer);
    } catch (error) {
      writer.assertActive(error);
      this.#opened[index] = undefined;
    }
    return this.#opened[index];
  }

  /** Opens the body of a request with the secrets of the coins that its header names. Throws a Refusal. */
  open(frame: Frame, command: Command, reader: Reader): OpenedBody {
    const index = this.#indexOf(frame);
    this.#next = index + 1;
    return this.#open(index, frame, command, reader);
  }

  #open(index: number, frame: Frame, command: Command, reader: Reader): OpenedBody {
    const { header, body } = frame;
    const key = keyOf(header, reader);
    const opened = this.#opened[index];
    if (opened !== undefined && opened.key === key) return opened;
    const answersEmpty = command.answersEmptyBody && header.encryptionType === EncryptionType.none;
    if (header.bodySize === 0 && !answersEmpty) throw new Refusal(Status.EMPTY_REQUEST, 'no-body');
    // A key of two coins is made for each request anew: there is nothing to share.
    if (key === undefined || header.coins.length > 1) return openBody(header, body, key);
    if (!this.#keystreams.has(index, key)) {
      this.#keystreams.make(index, key, (other) => this.#sealedBy(frame, other));
    }
    return openBody(header, body, key, this.#keystreams.of(index), this.#hmacOf(index, key));
  }

  #hmacOf(index: number, key: Buffer): Buffer | undefined {
    return this.#hmacKeys[index] === key ? this.#hmacs.take(this.#hmacPlaces[index]) : undefined;
  }

  /** Those that limits turn away are never opened: it may stand somewhat further on. */
  #indexOf(frame: Frame): number {
    const ahead = this.#frames.indexOf(frame, this.#next);
    return ahead >= 0 ? ahead : this.#frames.indexOf(frame);
  }

  /** The text of a frame that the same coin seals, as far as its header says. */
  #sealedBy({ header }: Frame, index: number): Text | undefined {
    const other = this.#frames[index];
    return other !== undefined && isSealedAlike(header, other.header)
      ? sealedText(other.header, other.body)
      : undefined;
  }
}

function isSealedAlike(one: RequestHeader, other: RequestHeader): boolean {
  const coin = one.coins[0];
  const otherCoin = other.coins[0];
  if (coin === undefined || otherCoin === undefined) return false;
  return one.encryptionType === other.encryptionType && sameCoin(coin, otherCoin);
}

function keyOf({ coins, encryptionType }: RequestHeader, reader: Reader): Buffer | undefined {
  const first = coins[0];
  const second = coins[1];
  return envelopeKey(
    encryptionType,
    first && secretOf(first, encryptionType, reader),
    second && secretOf(second, encryptionType, reader),
  );
}

/** Judged from the header, because the payload of a wrong size was not kept. Throws a Refusal. */
export function demandSize({ bodySize, encryptionType }: RequestHeader, command: Command): void {
  if (bodySize === 0) return;
  const refused = command.refuseSize(bodySize - envelopeSize(encryptionType));
  if (refused !== undefined) throw new Refusal(refused, 'payload-size');
}

/** The authentication number of a coin that a header names (Q8, Q9). */
function secretOf(coin: Coin, encryptionType: number, reader: Reader): Buffer {
  if (encryptionType === EncryptionType.locker) throw new Refusal(Status.INVALID_ENCRYPTION, 'no-lockers-here');
  const secret = isValidCoin(coin) ? reader.coins.key(coin) : undefined;
  if (secret !== undefined) return secret;
  const status = encryptionType === EncryptionType.coin ? Status.INVALID_ENCRYPTION : Status.ENCRYPTION_COIN_NOT_FOUND;
  throw new Refusal(status, 'no-such-encryption-coin');
}
