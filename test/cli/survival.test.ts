import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { makeNode, openBeside, temporaryFolder } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, coinBytes, ctr, postPayload } from '../support/wire.ts';

/** What a deployed server forgets or gives away: coins that were acknowledged, and secrets that can be computed. */
const holder = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);

/** A request that gives the coin a whole new secret made of `fill`. */
function restore(fill: number): Buffer {
  const name = coinBytes(2, 77);
  const ticket = (authority: number) => {
    const clear = Buffer.concat([Buffer.alloc(8, fill), name, Buffer.from('1234ff', 'hex')]);
    return ctr(keys.subarray(16 * authority, 16 * authority + 16), Buffer.alloc(16), clear);
  };
  const records = [0, 1].map((split) => Buffer.concat([Buffer.from([0, 6, split, split, 0]), name, ticket(split)]));
  return buildRequest({ group: 4, command: 45, payload: Buffer.concat([coinBytes(1, 14_001), ...records]) });
}

const echoUnder = (fill: number) =>
  buildRequest({ group: 0, command: 0, type: 1, coins: [{ ...holder, secret: Buffer.alloc(16, fill) }] });

const status = async (port: number, bytes: Buffer) => (await converse(port, [bytes])).received.readUInt8(2);

describe('a coin update that was acknowledged', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('is there after %s, again and again', async (signal) => {
    const directory = makeNode([holder], { '01.14001.bin': coinFile });
    let before = 0x11;
    for (const fill of [0x21, 0x22, 0x23]) {
      const node = await serve(directory);
      expect(await status(node.port, echoUnder(before)), 'the secret of the round before').toBe(250);
      const { received } = await converse(node.port, [restore(fill)]);
      expect(received.toString('hex', 32)).toBe('01013e3e');
      const { code } = await node.end(signal);
      expect(code).toBe(signal === 'SIGKILL' ? null : 0);
      before = fill;
    }
    const node = await serve(directory);
    expect(await status(node.port, echoUnder(before))).toBe(250);
    await node.end('SIGTERM');
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });

  it('is there although the client reset the connection without reading the reply', async () => {
    const node = await serve(makeNode([holder], { '01.14001.bin': coinFile }));
    const socket = connect({ host: '127.0.0.1', port: node.port });
    socket.pause();
    socket.write(restore(0x21));
    // The other connection sees the work done, so the reply is on its way to a client that never looks.
    await expect.poll(() => status(node.port, echoUnder(0x21)), { timeout: 5_000 }).toBe(250);
    socket.resetAndDestroy();
    expect(await status(node.port, echoUnder(0x21))).toBe(250);
    await node.end('SIGTERM');
  });
});

describe('secrets of a fresh node', () => {
  it('cannot be computed: two made alike share no authentication number but the one that was written', async () => {
    const pages: Buffer[] = [];
    for (const _ of [1, 2]) {
      const directory = makeNode([], { '01.14001.bin': coinFile });
      const node = await serve(directory);
      await converse(node.port, [restore(0x21)]);
      await node.end('SIGTERM');
      pages.push(openBeside(directory).prepare('SELECT records FROM coin_pages').pluck().get() as Buffer);
    }
    const [one = Buffer.alloc(0), other = Buffer.alloc(0)] = pages;
    expect(one).toHaveLength(17_408);
    const numbers = (page: Buffer) =>
      Array.from({ length: 1_024 }, (_, index) => page.toString('hex', index * 17, index * 17 + 16));
    const ofOne = new Set(numbers(one));
    expect(ofOne.size).toBe(1_024);
    expect(numbers(other).filter((number) => ofOne.has(number))).toEqual(['21'.repeat(16)]);
    const counts = new Array<number>(256).fill(0);
    for (const byte of one) counts[byte] = (counts[byte] ?? 0) + 1;
    // 16,384 random bytes: each value about 64 times, and a byte in 17 is the MFS 0.
    expect(Math.min(...counts.slice(1))).toBeGreaterThan(24);
    expect(Math.max(...counts.slice(1))).toBeLessThan(120);
  });
});

describe('a served node', () => {
  it('says where it listens in one line of JSON with a number', async () => {
    const directory = join(temporaryFolder(), 'node');
    const node = await serve(directory, ['--init']);
    const line = node
      .log()
      .split('\n')
      .find((each) => each.includes('"msg":"listening"'));
    const entry = JSON.parse(line ?? '{}') as { port: unknown; pid: unknown };
    expect(entry).toMatchObject({ port: node.port, pid: node.process.pid });
    expect(Number.isInteger(entry.port)).toBe(true);
    await node.end('SIGTERM');
  });

  it('answers what is in flight when it is told to stop, under load', async () => {
    const directory = makeNode();
    const node = await serve(directory);
    const requests = Array.from({ length: 200 }, (_, index) => {
      const keyId = Buffer.alloc(16);
      keyId.writeUInt32BE(index, 12);
      const payload = postPayload(keyId, coinBytes(1, 300), Buffer.alloc(128), 0, 9);
      return buildRequest({ group: 4, command: 41, payload });
    });
    const talking = requests.map((request) => converse(node.port, [request]).catch(() => undefined));
    await talking[0];
    const { code, durationMs } = await node.end('SIGTERM');
    const acknowledged = (await Promise.all(talking)).filter((each) => each?.received[2] === 250).length;
    expect([code, durationMs < 2_000]).toEqual([0, true]);
    const stored = openBeside(directory).prepare('SELECT count(*) FROM chat_keys').pluck().get();
    expect(stored).toBeGreaterThanOrEqual(acknowledged);
    expect(acknowledged).toBeGreaterThan(0);
  });
});
