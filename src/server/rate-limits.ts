import { BlockList, isIPv6 } from 'node:net';
import type { Config } from '../config.ts';
import { type Coin, coinName } from '../domain/coin.ts';
import { parseNetwork } from '../domain/network.ts';
import { recordedAddress } from './address.ts';
import { TokenBuckets } from './token-buckets.ts';

/** Where a request comes from, as far as limits care. */
export interface Origin {
  readonly address: string;
  readonly network: string;
}

/** Limits of key exchange requests by address, network and coin, and of get key's misses. */
export class RateLimits {
  readonly #perAddress: TokenBuckets;
  readonly #perNetwork: TokenBuckets;
  readonly #perCoin: TokenBuckets;
  readonly #misses: TokenBuckets;
  readonly #exempt = new BlockList();

  constructor(settings: Config['rate_limits']) {
    const buckets = (perSecond: number) => new TokenBuckets(perSecond, settings.burst_seconds);
    this.#perAddress = buckets(settings.per_address);
    this.#perNetwork = buckets(settings.per_network);
    this.#perCoin = buckets(settings.per_coin);
    this.#misses = buckets(settings.misses_per_address);
    for (const text of settings.exempt) {
      const network = parseNetwork(text);
      if (network !== undefined) this.#exempt.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /** Of a connection; undefined where it is exempt. */
  originOf(remoteAddress: string | undefined): Origin | undefined {
    const address = recordedAddress(remoteAddress, 'full');
    if (address === undefined || this.#exempt.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return undefined;
    return { address, network: recordedAddress(address, 'prefix') ?? address };
  }

  /** Why a request may not be carried out now; undefined where it may, and is counted. */
  refuse({ address, network }: Origin, nowMs: number): string | undefined {
    if (!this.#perAddress.take(address, nowMs)) return 'address-rate';
    return this.#perNetwork.take(network, nowMs) ? undefined : 'network-rate';
  }

  /** The same for what a coin is claimed for. */
  refuseCoin(coin: Coin, nowMs: number): string | undefined {
    return this.#perCoin.take(coinName(coin), nowMs) ? undefined : 'coin-rate';
  }

  /** Whether any limit of where it comes from is used up now. */
  areExhausted(origin: Origin, nowMs: number): boolean {
    const { address, network } = origin;
    const mayGoOn = this.#perAddress.has(address, nowMs) && this.#perNetwork.has(network, nowMs);
    return !mayGoOn || this.missesExhausted(origin, nowMs);
  }

  /** Whether the address has asked for too many unknown ids. */
  missesExhausted({ address }: Origin, nowMs: number): boolean {
    return !this.#misses.has(address, nowMs);
  }

  countMiss({ address }: Origin, nowMs: number): void {
    this.#misses.take(address, nowMs);
  }
}
