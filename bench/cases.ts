/** The requests that are measured, and the ways to send them. */
export type CommandName =
  | 'echo'
  | 'post key'
  | 'get key'
  | 'encrypt key 23'
  | 'encrypt key 31'
  | 'decrypt RAIDA key 1'
  | 'decrypt RAIDA key 64';

export type Mode = 'connection for each' | 'kept-alive' | 'pipelined';
export type Type = 0 | 1 | 4;

export interface CommandFacts {
  readonly group: number;
  readonly code: number;
  /** What a good reply says. */
  readonly status: number;
  readonly requestPayloadSize: number;
  readonly replyPayloadSize: number;
  /** Its action in the event log; undefined where it leaves no event. */
  readonly action?: string;
  /** Whether every request has to be a new one, because it changes what the node stores. */
  readonly writes: boolean;
  /** More than can be answered in a second: so many are prepared for each second where each is sent once. */
  readonly perSecond: number;
}

/** Size in bytes of every stored key. */
export const storedKeySize = 32;

const keyExchange = 4;
const decrypt = { group: keyExchange, code: 45, status: 250, action: 'decrypt-raida-key', writes: true };
const encrypt = { group: keyExchange, code: 44, status: 0, action: 'encrypt-key', writes: false, perSecond: 100_000 };

export const commands: Readonly<Record<CommandName, CommandFacts>> = {
  echo: {
    group: 0,
    code: 0,
    status: 250,
    requestPayloadSize: 0,
    replyPayloadSize: 0,
    writes: false,
    perSecond: 2_000_000,
  },
  'post key': {
    group: keyExchange,
    code: 41,
    status: 250,
    requestPayloadSize: 167,
    replyPayloadSize: 0,
    action: 'post-key',
    writes: true,
    perSecond: 60_000,
  },
  'get key': {
    group: keyExchange,
    code: 43,
    status: 250,
    requestPayloadSize: 37,
    replyPayloadSize: 5 + storedKeySize,
    action: 'get-key',
    writes: false,
    perSecond: 80_000,
  },
  'encrypt key 23': { ...encrypt, requestPayloadSize: 5, replyPayloadSize: 16 },
  'encrypt key 31': { ...encrypt, requestPayloadSize: 13, replyPayloadSize: 16 },
  'decrypt RAIDA key 1': { ...decrypt, requestPayloadSize: 31, replyPayloadSize: 1, perSecond: 20_000 },
  'decrypt RAIDA key 64': { ...decrypt, requestPayloadSize: 1_669, replyPayloadSize: 64, perSecond: 600 },
};

/**
 * Requests that are sent again and again are prepared in this number, or in twice that of those under way. Those that name
 * coins or keys name as many different ones as requests that are sent once: a cache serves both alike.
 */
const pooledRequestsMin = 8_000;
const pooledNamingRequestsMin = 100_000;

export function pooledRequests({ command, mode, connections }: WireCase): number {
  const least = commands[command].action === undefined ? pooledRequestsMin : pooledNamingRequestsMin;
  return Math.max(least, 2 * connections * depthOf(mode));
}

/** Whether a request may be sent only once: repeated, an authenticated one is answered from memory. */
export function isSentOnce({ command, type }: WireCase): boolean {
  const { writes, action } = commands[command];
  return writes || (type !== 0 && action !== undefined);
}

export interface WireCase {
  readonly command: CommandName;
  readonly type: Type;
  readonly mode: Mode;
  readonly connections: number;
  /** Whether every request is sealed with another coin, and tickets are for any; otherwise a connection has one, as a client has. */
  readonly mixesCoins?: boolean;
}

/** Requests under way on a pipelined connection. */
export const pipelineDepth = 32;

export function depthOf(mode: Mode): number {
  return mode === 'pipelined' ? pipelineDepth : 1;
}

export function caseName({ command, type, mode, connections, mixesCoins = false }: WireCase): string {
  const sent = `${command}, type ${type}, ${mode}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`;
  return mixesCoins ? `${sent}, another coin in each request` : sent;
}
