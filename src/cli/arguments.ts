import { parseHex } from '../bytes/hex.ts';
import { type Coin, parseCoinName } from '../domain/coin.ts';
import { parseSpan, parseTime } from '../domain/time-text.ts';
import { Status } from '../protocol/status.ts';

/** The command line itself is wrong: exit 2 with a line that helps. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export function integerArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < min || value > max) {
      throw new UsageError(`"${text}" is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

export function coinArgument(text: string): Coin {
  const coin = parseCoinName(text);
  if (coin === undefined) throw new UsageError(`"${text}" is not a coin; write DENOMINATION:SERIAL, such as 1:300`);
  return coin;
}

export function timeArgument(text: string): number {
  const time = parseTime(text, Date.now());
  if (time === undefined) throw new UsageError(`"${text}" is not a time; write 2026-01-31T12:00:00Z or "2h ago"`);
  return time;
}

/** Milliseconds. */
export function spanArgument(text: string): number {
  const span = parseSpan(text);
  if (span === undefined) throw new UsageError(`"${text}" is not a span; write 10s, 5m or 24h`);
  return span;
}

export function keyIdArgument(text: string): Buffer {
  try {
    return parseHex(text, 16);
  } catch {
    throw new UsageError(`"${text}" is not a key id: 32 hexadecimal digits`);
  }
}

export function idPrefixArgument(text: string): string {
  if (!/^[0-9a-fA-F]{1,32}$/.test(text))
    throw new UsageError(`"${text}" is not the start of a key id: 1 to 32 hexadecimal digits`);
  return text.toLowerCase();
}

/** A status by number or by name. */
export function statusArgument(text: string): number {
  const named = (Status as Record<string, number>)[text.toUpperCase()];
  return named ?? integerArgument(0, 255)(text);
}
