import { isIPv4 } from 'node:net';

/** How much of a client's address the event log keeps. */
export type AddressPolicy = 'full' | 'prefix' | 'none';

const mappedPrefix = '::ffff:';

/** The address to record: whole, its network (IPv4 /24, IPv6 /48), or nothing. */
export function recordedAddress(address: string | undefined, policy: AddressPolicy): string | undefined {
  if (address === undefined || policy === 'none') return undefined;
  const unmapped = address.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address;
  return policy === 'full' ? unmapped : prefixOf(unmapped);
}

function prefixOf(address: string): string {
  if (isIPv4(address)) return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail = ''] = (address.split('%')[0] ?? '').split('::');
  const front = head.split(':').filter((group) => group !== '');
  const back = tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, 3).join(':')}::/48`;
}
