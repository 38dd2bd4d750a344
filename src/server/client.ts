import type { Socket } from 'node:net';
import { type AddressPolicy, recordedAddress } from './address.ts';
import type { Origin, RateLimits } from './rate-limits.ts';

/** Who sent a request. */
export interface Client {
  /** As the event log may keep it. */
  readonly address: string | undefined;
  /** For limits; undefined where none apply. */
  readonly origin: Origin | undefined;
  /** It hung up before anybody saw who it was: there is nobody to limit, and nobody who would read a reply. */
  readonly isGone: boolean;
}

/** The client of a socket, looked at when it is first asked for: that takes a system call, and an echo never needs it. */
export class SocketClient implements Client {
  readonly #socket: Socket;
  readonly #policy: AddressPolicy;
  readonly #limits: RateLimits;
  #seen: Client | undefined;

  constructor(socket: Socket, policy: AddressPolicy, limits: RateLimits) {
    this.#socket = socket;
    this.#policy = policy;
    this.#limits = limits;
  }

  get address(): string | undefined {
    return this.#look().address;
  }

  get origin(): Origin | undefined {
    return this.#look().origin;
  }

  get isGone(): boolean {
    return this.#look().isGone;
  }

  #look(): Client {
    if (this.#seen !== undefined) return this.#seen;
    const { remoteAddress } = this.#socket;
    this.#seen = {
      address: recordedAddress(remoteAddress, this.#policy),
      origin: this.#limits.originOf(remoteAddress),
      isGone: remoteAddress === undefined,
    };
    return this.#seen;
  }
}
