import { connect } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Exchange, makeNode, openBeside, openStore, serveNode, talk } from '../support/harness.ts';
import { buildRequest, getPayload, postPayload } from '../support/wire.ts';

/** One batch, one transaction: replies after its commit, requests isolated from each other. */
const coin = Buffer.from('010000012c', 'hex');
const other = Buffer.from('010000012d', 'hex');
const echo = buildRequest({ group: 0, command: 0 });
const count = buildRequest({ group: 0, command: 3 });

function post(id: number, owner = coin, size = 8): Buffer {
  return buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(Buffer.alloc(16, id), owner, Buffer.alloc(128, id), 0, size),
  });
}

function get(id: number): Buffer {
  return buildRequest({ group: 4, command: 43, payload: getPayload(Buffer.alloc(16, id)) });
}

const statuses = (replies: readonly Buffer[]) => replies.map((reply) => reply.readUInt8(2));

/** Another thread takes the write lock and keeps it for a while; resolves when it has it. */
async function holdWriteLock(directory: string, durationMs: number): Promise<void> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const database = new (require('better-sqlite3'))(workerData.file);
    database.exec('BEGIN IMMEDIATE');
    parentPort.postMessage('held');
    setTimeout(() => { database.exec('ROLLBACK'); database.close(); }, workerData.durationMs);`;
  const worker = new Worker(code, { eval: true, workerData: { file: join(directory, 'node.db'), durationMs } });
  await new Promise((resolve) => worker.once('message', resolve));
}

describe('a batch', () => {
  it('sees its own earlier requests, and a refused one undoes nothing of the others', () => {
    const store = openStore(makeNode());
    const exchange = new Exchange(store);
    const replies = exchange.send(post(1), get(1), post(1, other), post(2, coin, 128), post(3), get(2), get(3));
    expect(statuses(replies)).toEqual([250, 250, 201, 196, 250, 194, 250]);
    expect(statuses(exchange.send(get(1), get(2), get(3)))).toEqual([250, 194, 250]);
  });

  it('leaves one event for each key-exchange request and none for others', () => {
    const directory = makeNode();
    const exchange = new Exchange(openStore(directory));
    exchange.send(echo, post(1), count, get(9), buildRequest({ group: 4, command: 42, coinId: 7 }));
    const events = openBeside(directory).prepare('SELECT action, status FROM events ORDER BY sequence').all();
    expect(events).toEqual([
      { action: 'post-key', status: 250 },
      { action: 'get-key', status: 194 },
      { action: 'key-alert', status: 7 },
    ]);
  });

  it('is counted by its own show stats, as far as it was carried out', async () => {
    const adminKey = Buffer.alloc(16, 5);
    const { port } = await serveNode(makeNode(), `[server]\nadmin_key = "${adminKey.toString('hex')}"\n`);
    const refused = buildRequest({ group: 0, command: 2, payload: Buffer.alloc(16) });
    const stats = buildRequest({ group: 0, command: 2, payload: adminKey });
    const { received } = await talk(port, [Buffer.concat([echo, refused, post(1), stats])], 3 * 32 + 54);
    const counted = received.subarray(4 * 32);
    expect([counted.readUInt32BE(4), counted.readUInt32BE(16)]).toEqual([3, 1]);
  });

  it('of reads takes no write lock', () => {
    const directory = makeNode();
    const exchange = new Exchange(openStore(directory));
    const beside = openBeside(directory);
    beside.exec('BEGIN IMMEDIATE');
    const began = performance.now();
    expect(statuses(exchange.send(echo, count, buildRequest({ group: 0, command: 1 })))).toEqual([250, 250, 250]);
    expect(performance.now() - began).toBeLessThan(1_000);
    beside.exec('ROLLBACK');
  });

  it('is answered only after its commit', async () => {
    const directory = makeNode();
    const { port } = await serveNode(directory);
    const heldMs = 400;
    await holdWriteLock(directory, heldMs);
    const began = performance.now();
    const { received } = await talk(port, [post(1)], 32);
    expect(received[2]).toBe(250);
    expect(performance.now() - began).toBeGreaterThan(heldMs / 2);
    // The execution time that it tells, in microseconds, includes the commit.
    expect(received.readUInt32BE(12)).toBeGreaterThan((heldMs / 2) * 1_000);
    const beside = openBeside(directory);
    expect(beside.prepare('SELECT count(*) FROM chat_keys').pluck().get()).toBe(1);
  });

  it('whose transaction fails leaves nothing, and reads are answered with their events to follow', () => {
    const directory = makeNode();
    const store = openStore(directory);
    const exchange = new Exchange(store);
    exchange.one(post(1));
    const beside = openBeside(directory);
    beside.exec(
      "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    );
    expect(statuses(exchange.send(post(2), get(1), echo))).toEqual([194, 250, 250]);
    expect([exchange.dispatch.requests, exchange.dispatch.failures]).toEqual([4, 1]);
    expect(beside.prepare('SELECT count(*) FROM chat_keys').pluck().get()).toBe(1);
    beside.exec('DROP TRIGGER full');
    expect(statuses(exchange.send(get(2)))).toEqual([194]);
    const actions = beside.prepare('SELECT action, status FROM events ORDER BY sequence').all();
    expect(actions).toEqual([
      { action: 'post-key', status: 250 },
      { action: 'post-key', status: 194 },
      { action: 'get-key', status: 250 },
      { action: 'get-key', status: 194 },
    ]);
  });

  it('goes on when randomness fails: a status for that request, answers for the others', () => {
    const broken = {
      bytes: (): Buffer => {
        throw new Error('no randomness');
      },
    };
    const given = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 1) };
    const exchange = new Exchange(openStore(makeNode([given])), { random: broken });
    const encrypt = buildRequest({ group: 4, command: 44, payload: coin });
    expect(statuses(exchange.send(encrypt, post(1), echo))).toEqual([252, 250, 250]);
    const sealed = exchange.one(buildRequest({ group: 0, command: 1, type: 4, coins: [given] }));
    expect(sealed.readUInt8(2)).toBe(252);
  });

  it('of connections with few requests comes before that of those with many', async () => {
    const directory = makeNode();
    const { port } = await serveNode(directory);
    const [heavy, light] = [connect({ port, host: '127.0.0.1' }), connect({ port, host: '127.0.0.1' })];
    await Promise.all([heavy, light].map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const answered = Promise.all(
      [heavy, light].map((socket) => new Promise((resolve) => socket.once('data', resolve))),
    );
    heavy.write(Buffer.concat(Array.from({ length: 30 }, (_, index) => post(100 + index))));
    light.write(post(1));
    // The node has its turn in this thread as well: both are there by then.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    await answered;
    const beside = openBeside(directory);
    const posted = beside
      .prepare("SELECT key_id FROM events WHERE action = 'post-key' ORDER BY sequence")
      .pluck()
      .all();
    expect(posted).toHaveLength(31);
    expect(posted[0]).toEqual(Buffer.alloc(16, 1));
    for (const socket of [heavy, light]) socket.destroy();
  });
});
