import { isIP } from 'node:net';

/** A network of addresses, as `net.BlockList` takes it. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Reads `192.0.2.0/24` or `::1/128`; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefixText = ''] = text.split('/');
  const version = isIP(address);
  const prefix = Number(prefixText);
  if (version === 0 || !/^\d{1,3}$/.test(prefixText) || prefix > (version === 4 ? 32 : 128)) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}
