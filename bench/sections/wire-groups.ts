import type { CommandName, Mode, Type } from '../cases.ts';
import type { Goal } from '../findings.ts';

export type Ceiling = 'bare server' | 'better-sqlite3 alone';

/** Cases that are measured in turns on one node: one command sent in one way, under several encryption types. */
export interface WireGroup {
  readonly command: CommandName;
  readonly mode: Mode;
  readonly connections: number;
  readonly types: readonly Type[];
  /** Types that are measured once more with another coin in each request. */
  readonly mixed?: readonly Type[];
  readonly ceilings: Readonly<Partial<Record<Ceiling, Goal | 'no goal'>>>;
}

const bare = (atLeast: number): WireGroup['ceilings'] => ({
  'bare server': { text: `at least ${atLeast.toFixed(2)} of the bare server`, atLeast },
});
const sqlite: WireGroup['ceilings'] = {
  'better-sqlite3 alone': { text: 'at least 0.60 of better-sqlite3 alone', atLeast: 0.6 },
};
const bareWithoutGoal: WireGroup['ceilings'] = { 'bare server': 'no goal' };

/** Of pipelined requests on 64 connections, where sealing is the largest part. */
export const typeGoals: Readonly<Partial<Record<Type, Goal>>> = {
  1: { text: 'at least 0.75 of type 0', atLeast: 0.75 },
  4: { text: 'at least 0.65 of type 0', atLeast: 0.65 },
};

const all = [0, 1, 4] as const;
const sealed = [1, 4] as const;
const pipelined64 = { mode: 'pipelined', connections: 64 } as const;

/** What the goals need. */
export const shortGroups: readonly WireGroup[] = [
  { command: 'echo', mode: 'connection for each', connections: 64, types: [0], ceilings: bare(0.8) },
  { command: 'echo', mode: 'kept-alive', connections: 64, types: [0], ceilings: bare(0.75) },
  { command: 'echo', ...pipelined64, types: all, ceilings: bare(0.25) },
  { command: 'echo', ...pipelined64, types: [0], mixed: sealed, ceilings: {} },
  { command: 'get key', ...pipelined64, types: all, ceilings: sqlite },
  { command: 'encrypt key 23', ...pipelined64, types: all, ceilings: sqlite },
  { command: 'encrypt key 31', ...pipelined64, types: [0], ceilings: sqlite },
  { command: 'post key', ...pipelined64, types: [0], ceilings: sqlite },
  {
    command: 'post key',
    mode: 'kept-alive',
    connections: 1,
    types: [0],
    ceilings: { 'better-sqlite3 alone': 'no goal', ...bareWithoutGoal },
  },
];

const commandNames: readonly CommandName[] = [
  'echo',
  'post key',
  'get key',
  'encrypt key 23',
  'encrypt key 31',
  'decrypt RAIDA key 1',
  'decrypt RAIDA key 64',
];
const mixedCommands: readonly CommandName[] = ['echo', 'get key', 'encrypt key 31'];
const modes: readonly Mode[] = ['connection for each', 'kept-alive', 'pipelined'];
const connectionCounts = [1, 8, 64, 256];

/** Every command, mode and number of connections under every type; goals are where the short form has them. */
export function fullGroups(): WireGroup[] {
  const groups = commandNames.flatMap((command) =>
    modes.flatMap((mode) => connectionCounts.map((connections) => fullGroup(command, mode, connections))),
  );
  return groups.filter((group) => !isTooMuch(group));
}

/** Requests of 64 records take milliseconds each: hundreds under way would be waited for longer than they are measured. */
function isTooMuch({ command, mode, connections }: WireGroup): boolean {
  return command === 'decrypt RAIDA key 64' && (connections > 64 || (mode === 'pipelined' && connections > 1));
}

function fullGroup(command: CommandName, mode: Mode, connections: number): WireGroup {
  const short = shortGroups.find(
    (group) => group.command === command && group.mode === mode && group.connections === connections,
  );
  const comparable = command !== 'echo' && !command.startsWith('decrypt');
  const ceilings: WireGroup['ceilings'] = comparable
    ? { ...bareWithoutGoal, 'better-sqlite3 alone': 'no goal' }
    : bareWithoutGoal;
  const mixed = mixedCommands.includes(command) && mode === 'pipelined' && connections === 64 ? sealed : [];
  return { command, mode, connections, types: all, mixed, ceilings: { ...ceilings, ...short?.ceilings } };
}
