import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Pool } from '../packets.ts';
import { percentile } from '../statistics.ts';
import { ReplyChecker } from './reply-checker.ts';

export interface PacePlan {
  /** What `prepare` has named them. */
  readonly packets: string;
  readonly port: number;
  readonly connections: number;
  /** Requests a second, evenly spread. */
  readonly rate: number;
  readonly seconds: number;
}

/** Latencies in milliseconds, from the moment a request was due, sent late or not. */
export interface PaceResult {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** How late the generator itself sent, 99 % of the time. */
  readonly sendDelayP99: number;
  readonly acknowledged: number;
}

interface Line {
  readonly socket: Socket;
  /** When the requests under way were due. */
  readonly due: number[];
  answered: number;
}

/** Sends on a fixed schedule, whether or not replies come. It sleeps for fractions of a timer's millisecond, which
 * would hide the node's, and leaves the rest of its core to others. */
export async function runOpenLoop(plan: PacePlan, pool: Pool): Promise<PaceResult> {
  const total = Math.floor(plan.rate * plan.seconds);
  const prepared = pool.parts * pool.partSize;
  if (pool.once && total > prepared) throw new Error(`${total} new requests are needed, ${prepared} are there`);
  const latencies = new Float64Array(total);
  const delays = new Float64Array(total);
  let answered = 0;
  let fail: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // What making the packets has left is not to be collected while latencies are looked at.
  global.gc?.();
  const lines = await Promise.all(
    Array.from({ length: plan.connections }, () =>
      openLine(plan.port, pool, fail, (latency) => {
        latencies[answered] = latency;
        answered += 1;
      }),
    ),
  );
  const sent = send(plan, pool, lines, delays, () => answered);
  await Promise.race([sent, failure]);
  for (const { socket } of lines) socket.destroy();
  latencies.sort();
  delays.sort();
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    p999: percentile(latencies, 0.999),
    max: latencies.at(-1) ?? Number.NaN,
    sendDelayP99: percentile(delays, 0.99),
    acknowledged: answered,
  };
}

function openLine(
  port: number,
  pool: Pool,
  fail: (error: Error) => void,
  record: (latency: number) => void,
): Promise<Line> {
  const checker = new ReplyChecker(pool.reply);
  const buffer = Buffer.alloc(65_536);
  const receive = (size: number) => {
    try {
      const now = performance.now();
      for (let left = checker.take(buffer.subarray(0, size)); left > 0; left -= 1) {
        record(now - (line.due[line.answered] ?? now));
        line.answered += 1;
      }
    } catch (error) {
      fail(error as Error);
    }
    return true;
  };
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback: receive } });
  const line: Line = { socket, due: [], answered: 0 };
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(line));
    socket.on('error', (error) => {
      reject(error);
      fail(error);
    });
  });
}

const patienceMs = 10_000;
const napMs = 0.1;
const nap = new Int32Array(new SharedArrayBuffer(4));

function send(
  plan: PacePlan,
  pool: Pool,
  lines: readonly Line[],
  delays: Float64Array,
  answered: () => number,
): Promise<void> {
  const intervalMs = 1_000 / plan.rate;
  const start = performance.now();
  const endMs = start + plan.seconds * 1_000 + patienceMs;
  let next = 0;
  return new Promise((resolve, reject) => {
    const turn = () => {
      const now = performance.now();
      for (; next < delays.length && start + next * intervalMs <= now; next += 1) {
        const due = start + next * intervalMs;
        const line = lines[next % lines.length];
        const from = (next % (pool.parts * pool.partSize)) * pool.requestSize;
        delays[next] = performance.now() - due;
        line?.due.push(due);
        line?.socket.write(pool.bytes.subarray(from, from + pool.requestSize));
      }
      if (answered() >= delays.length) resolve();
      else if (now > endMs) reject(new Error(`${delays.length - answered()} replies are missing`));
      else {
        Atomics.wait(nap, 0, 0, napMs);
        setImmediate(turn);
      }
    };
    turn();
  });
}
