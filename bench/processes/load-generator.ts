import { connect } from 'node:net';
import { decodeReply } from '../../src/protocol/response.ts';
import { caseName, commands, isSentOnce, type WireCase } from '../cases.ts';
import { answerCalls } from '../child-calls.ts';
import { makePool, type Pool, replyShape, requestFor } from '../packets.ts';
import { ClosedLoop, type LoadPlan } from './closed-loop.ts';
import { holdConnections } from './held-connections.ts';
import { type PacePlan, runOpenLoop } from './open-loop.ts';

/** The load generator: a process of its own, with its packets made before it is asked to send. */
export interface Preparation {
  readonly wireCase: WireCase;
  readonly count: number;
  readonly storedKeys: number;
  /** Whether requests that change something may be sent again: to a server that stores nothing. */
  readonly again?: boolean;
}

/** Prepared packets by their names; those that are sent once go when they are sent. */
const pools = new Map<string, Pool>();
let made = 0;

/** Returns the name of the packets. */
function prepare({ wireCase, count, storedKeys, again = false }: Preparation): string {
  const once = isSentOnce(wireCase) && !again;
  made += 1;
  const name = `${caseName(wireCase)} ${count} ${storedKeys}${once ? ` ${made}` : ''}`;
  if (!pools.has(name)) pools.set(name, makePool(wireCase, count, storedKeys, once));
  return name;
}

function takePool(name: string): Pool {
  const pool = pools.get(name);
  if (pool === undefined) throw new Error(`${name}: no packets were prepared`);
  if (pool.once) pools.delete(name);
  return pool;
}

/** One request whose reply is opened and proved in full, as a client would. */
async function probe({ port, wireCase, storedKeys }: { port: number; wireCase: WireCase; storedKeys: number }) {
  const { header, key, bytes } = requestFor(wireCase, storedKeys);
  const { size } = replyShape(wireCase);
  const reply = await exchange(port, bytes, size);
  const { status, payload } = decodeReply(header, key, reply);
  const { status: wanted, replyPayloadSize, code } = commands[wireCase.command];
  if (status !== wanted || payload.length !== replyPayloadSize) {
    throw new Error(`${caseName(wireCase)}: status ${status}, ${payload.length} bytes`);
  }
  const accepted = commands['decrypt RAIDA key 1'].code !== code || payload.every((result) => result === 1);
  if (!accepted) throw new Error(`${caseName(wireCase)}: a ticket was refused`);
}

function exchange(port: number, request: Buffer, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.setTimeout(5_000, () => socket.destroy(new Error(`${Buffer.concat(chunks).length} of ${size} bytes`)));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const received = Buffer.concat(chunks);
      if (received.length < size) return;
      resolve(received);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.write(request);
  });
}

const calls = {
  prepare,
  probe,
  hold: holdConnections,
  saturate: (plan: LoadPlan) => new ClosedLoop(plan, takePool(plan.packets)).run(),
  pace: (plan: PacePlan) => runOpenLoop(plan, takePool(plan.packets)),
};

export type LoadCalls = typeof calls;

answerCalls(calls);
