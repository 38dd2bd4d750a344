import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/bytes/slice.ts';
import type { Frame } from '../../src/protocol/framer.ts';
import { run, serve } from '../support/cli.ts';
import { Exchange, makeNode, openStore } from '../support/harness.ts';
import { readReply } from '../support/wire.ts';
import { ChangeRecord, type RecordedEvent } from './support/change-record.ts';
import { HeapMeter, heapHere } from './support/heap.ts';
import { mutatedPacket, repliesOf } from './support/mutated-packets.ts';
import { megabytes } from './support/process.ts';
import { adminKey, knownCoins, knownFiles } from './support/sound-requests.ts';

/**
 * Packets mutated without end: each gets a status other than 252, or the end of its connection. What is refused changes no
 * row, no error had to be caught, and memory does not grow.
 */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const inProcess = Math.max(20_000, Math.round(1_000_000 * scale));
const overTcp = Math.max(4_000, Math.round(200_000 * scale));
const heapGrowthMax = 32e6;
/** So many share a transaction, as under load. */
const packetsPerBatch = 50;
/** Before memory is measured first, caches and compiled code are to be there. */
const warmUpShare = 0.05;
const connectionsAtOnce = 40;
const hashBits = 27;
const patienceMs = 15_000;
const progressLines = 10;
/** Changes that sound requests make now and then among all the others. */
const watched = ['INSERT chat_keys', 'INSERT tickets', 'UPDATE chat_keys', 'UPDATE coin_pages'];

class Tally {
  readonly #statuses = new Map<number, number>();
  #packets = 0;
  #lines = 0;

  packet(): void {
    this.#packets += 1;
  }

  reply(status: number): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  get statuses(): number[] {
    return [...this.#statuses.keys()];
  }

  get replies(): number {
    return [...this.#statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** A line each time another tenth is done. */
  progress(what: string, all: number): void {
    if (this.#packets < (all / progressLines) * (this.#lines + 1)) return;
    this.#lines += 1;
    const counts = [...this.#statuses].sort(([, one], [, other]) => other - one);
    const text = counts.map(([status, count]) => `${status} x ${count}`).join(', ');
    process.stdout.write(`${what}: ${this.#packets} of ${all} packets, statuses ${text}\n`);
  }
}

/** Commands whose requests leave an event each, by their numbers in the group of key exchange. */
const tracedActions = new Map([
  [41, 'post-key'],
  [42, 'key-alert'],
  [43, 'get-key'],
  [44, 'encrypt-key'],
  [45, 'decrypt-raida-key'],
]);
const writingActions = new Set(['post-key', 'decrypt-raida-key']);

function actionOf({ header }: Frame): string | undefined {
  return header.commandGroup === 4 ? tracedActions.get(header.command) : undefined;
}

/** Sends batches through framer and dispatch, and throws with the packets where one of them does what none may. */
class PacketTrial {
  readonly #exchange: Exchange;
  readonly #changes: ChangeRecord;
  readonly #tally: Tally;
  /**
   * Authenticated requests that have been sent, a bit for each by its hash: the node may answer another one like them without
   * an event. One in two hundred may be taken for such a one at the end; a million texts would hide what the node holds.
   */
  readonly #sent = new Uint8Array(2 ** (hashBits - 3));

  constructor(exchange: Exchange, changes: ChangeRecord, tally: Tally) {
    this.#exchange = exchange;
    this.#changes = changes;
    this.#tally = tally;
  }

  expectHarmless(packets: readonly Buffer[]): void {
    const blame = (what: string) => `${what} in ${packets.map((packet) => packet.toString('hex')).join(' ')}`;
    const before = this.#changes.sequence();
    const frames = packets.flatMap((packet) => this.#exchange.frames(packet));
    const batch = frames.map((frame) => ({
      frame,
      receivedAtMs: performance.now(),
      client: { address: '192.0.2.7', origin: undefined, isGone: false },
    }));
    const statuses = this.#exchange.dispatch.run(batch).map((reply) => reply.readUInt8(2));
    if (statuses.length !== frames.length) throw new Error(blame('a request without a reply'));
    for (const status of statuses) this.#tally.reply(status);
    if (statuses.includes(252)) throw new Error(blame('status 252'));
    const events = this.#changes.eventsAfter(before);
    if (!this.#areRecorded(frames, statuses, events)) throw new Error(blame('not one event for each request'));
    for (const { sequence, place } of this.#changes.after(before)) {
      const event = events[sequence - before - 1];
      const mayWrite = event?.status === 250 && writingActions.has(event.action);
      if (!mayWrite) throw new Error(blame(`${place} by ${event?.action} answered ${event?.status}`));
    }
  }

  /** Whether the events are those of the requests, in their order; only repeated requests may have none. */
  #areRecorded(frames: readonly Frame[], statuses: readonly number[], events: readonly RecordedEvent[]): boolean {
    let recorded = 0;
    let missing = 0;
    let repeated = 0;
    for (const [index, frame] of frames.entries()) {
      const action = actionOf(frame);
      if (action === undefined) continue;
      if (this.#isRepeated(frame)) repeated += 1;
      const event = events[recorded];
      if (event?.action === action && event.status === statuses[index]) recorded += 1;
      else missing += 1;
    }
    return recorded === events.length && missing <= repeated;
  }

  #isRepeated({ header, body }: Frame): boolean {
    if (header.coins.length === 0) return false;
    const { commandGroup, command, encryptionType, coins, nonce } = header;
    const identity = JSON.stringify([commandGroup, command, encryptionType, coins, viewOf(nonce), viewOf(body)]);
    const place = createHash('sha256').update(identity).digest().readUInt32BE(0) >>> (32 - hashBits);
    const [index, bit] = [place >>> 3, 1 << (place & 7)];
    const isRepeated = ((this.#sent[index] ?? 0) & bit) !== 0;
    this.#sent[index] = (this.#sent[index] ?? 0) | bit;
    return isRepeated;
  }
}

/** One packet over a connection of its own, in two pieces; everything that comes back until both have hung up. */
function answerTo(port: number, packet: Buffer, cut: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('the node stays silent')), patienceMs);
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', (error) => reject(new Error(`${error.message} after ${packet.toString('hex')}`)));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received));
    });
    socket.on('connect', () => {
      socket.write(packet.subarray(0, cut));
      setImmediate(() => socket.end(packet.subarray(cut)));
    });
  });
}

function expectReplies(packet: Buffer, stream: Buffer, tally: Tally): void {
  let rest = stream;
  for (const modern of repliesOf(packet)) {
    const reply = readReply(rest, modern);
    if (reply === undefined) break;
    tally.reply(reply.status);
    rest = rest.subarray(reply.whole.length);
  }
  if (rest.length > 0) throw new Error(`no whole replies ${stream.toString('hex')} to ${packet.toString('hex')}`);
}

describe(`fuzz, seed ${seed}`, () => {
  it(`${inProcess} mutated packets in process`, () => {
    const directory = makeNode(knownCoins, knownFiles);
    const changes = new ChangeRecord(directory);
    const store = openStore(directory);
    const exchange = new Exchange(store, { settings: `[server]\nadmin_key = "${adminKey}"` });
    const tally = new Tally();
    const trial = new PacketTrial(exchange, changes, tally);
    let batches = 0;
    let heapBefore = 0;
    const batchCount = Math.ceil(inProcess / packetsPerBatch);
    const batch = fc.array(mutatedPacket, { minLength: packetsPerBatch, maxLength: packetsPerBatch });
    fc.assert(
      fc.property(batch, (packets) => {
        trial.expectHarmless(packets);
        for (const _ of packets) tally.packet();
        if (batches === Math.floor(batchCount * warmUpShare)) heapBefore = heapHere();
        batches += 1;
        tally.progress('fuzz in process', inProcess);
      }),
      { numRuns: batchCount, seed, endOnFailure: true },
    );
    const growth = heapHere() - heapBefore;
    process.stdout.write(`fuzz in process: ${tally.replies} replies, heap grown by ${megabytes(growth)}\n`);
    expect(changes.caughtErrors()).toBe(0);
    expect(changes.places()).toEqual(expect.arrayContaining(watched));
    expect(tally.statuses).toEqual(expect.arrayContaining([0, 250, 16, 37, 204]));
    expect(growth).toBeLessThan(heapGrowthMax);
  });

  it(`${overTcp} mutated packets over TCP`, async () => {
    const directory = makeNode(knownCoins, knownFiles);
    const changes = new ChangeRecord(directory);
    const meter = new HeapMeter();
    const more = ['--set', `server.admin_key=${adminKey}`];
    const node = await serve(directory, more, { environment: meter.environment });
    const tally = new Tally();
    const packets = fc.sample(fc.noShrink(mutatedPacket), { numRuns: overTcp, seed }).values();
    const work = async (count: number) => {
      for (; count > 0; count -= 1) {
        const packet = packets.next().value;
        if (packet === undefined) return;
        expectReplies(packet, await answerTo(node.port, packet, packet.length >> 1), tally);
        tally.packet();
        tally.progress('fuzz over TCP', overTcp);
      }
    };
    const workAll = (count: number) => Promise.all(Array.from({ length: connectionsAtOnce }, () => work(count)));
    await workAll(Math.ceil((overTcp * warmUpShare) / connectionsAtOnce));
    const heapBefore = await meter.of(node.pid);
    await workAll(Number.POSITIVE_INFINITY);
    const growth = (await meter.of(node.pid)) - heapBefore;
    process.stdout.write(`fuzz over TCP: ${tally.replies} replies, heap grown by ${megabytes(growth)}\n`);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(tally.statuses).not.toContain(252);
    expect(tally.statuses).toEqual(expect.arrayContaining([0, 250, 16, 37, 204]));
    expect(changes.withoutLeave()).toEqual([]);
    expect(changes.caughtErrors()).toBe(0);
    expect(changes.places()).toEqual(expect.arrayContaining(watched));
    expect(node.log()).not.toMatch(/"level":[56]0/);
    expect(growth).toBeLessThan(heapGrowthMax);
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });
});
