import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { makeNode, talk } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, coinBytes, ctr, postPayload, readReply } from '../support/wire.ts';

/** What brings a deployed server down or makes it fall silent, done to a node in a process of its own. */
const holder = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 0x11) };
const keys = Buffer.from(Array.from({ length: 400 }, (_, index) => (index * 13) & 0xff));
const coinFile = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
const name = coinBytes(2, 77);
const echo = buildRequest({ group: 0, command: 0 });

const post = (id: number) =>
  buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(Buffer.alloc(16, id), coinBytes(1, 300), Buffer.alloc(128), 0, 9),
  });

/** A request that opens, with a ticket of its own for each `fill`. */
function decrypt(fill: number): Buffer {
  const clear = Buffer.concat([Buffer.alloc(8, fill), name, Buffer.from('1234ff', 'hex')]);
  const ticket = ctr(keys.subarray(48, 64), Buffer.alloc(16), clear);
  const record = Buffer.concat([Buffer.from('0006000300', 'hex'), name, ticket]);
  return buildRequest({ group: 4, command: 45, payload: Buffer.concat([coinBytes(1, 14_001), record]) });
}

const newNode = () => makeNode([holder], { '01.14001.bin': coinFile });
const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

/** One client that says what it wants, or half of it, and resets the connection before it could be answered. */
function resetAfter(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('connect', () => socket.write(bytes, () => socket.resetAndDestroy()));
  });
}

describe('a node in a process of its own', () => {
  it('survives 260 clients that send a request and reset', async () => {
    const directory = newNode();
    const node = await serve(directory);
    const requests = [post(2), post(2).subarray(0, 100), decrypt(0x21), Buffer.concat([echo, echo])];
    for (let round = 0; round < 260; round += 1) {
      await resetAfter(node.port, requests[round % requests.length] ?? echo);
      if (round % 20 === 0) expect((await converse(node.port, [echo])).received[2]).toBe(250);
    }
    expect((await converse(node.port, [echo])).received[2]).toBe(250);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });

  it('answers two connections that are open at the same time, whoever speaks first', async () => {
    const node = await serve(newNode());
    for (let round = 0; round < 20; round += 1) {
      const [one, other] = [0, 1].map(() => connect({ host: '127.0.0.1', port: node.port, noDelay: true }));
      const answers = [one, other].map(
        (socket) => new Promise<Buffer>((resolve) => socket?.once('data', (chunk: Buffer) => resolve(chunk))),
      );
      other?.write(echo);
      if (round % 2 === 0) await answers[1];
      one?.write(echo);
      for (const answer of await Promise.all(answers)) expect(answer[2]).toBe(250);
      for (const socket of [one, other]) socket?.destroy();
    }
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
  });

  it('answers 13 valid Decrypt RAIDA Key requests in parallel, and the 14th', async () => {
    const node = await serve(newNode(), ['--set', 'reconstruction.per_day=0']);
    const answers = await Promise.all(
      Array.from({ length: 13 }, (_, index) => converse(node.port, [decrypt(0x30 + index)])),
    );
    for (const { received } of answers) expect(received.toString('hex', 32)).toBe('013e3e');
    expect((await converse(node.port, [decrypt(0x50)])).received.toString('hex', 32)).toBe('013e3e');
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
  });

  it('gives two answers to two requests in one write, in their order', async () => {
    const node = await serve(newNode());
    const { received, closedByNode } = await talk(node.port, [Buffer.concat([post(3), echo])], 64);
    const first = readReply(received);
    const second = readReply(received.subarray(first?.whole.length));
    expect([first?.status, first?.group, second?.status, second?.group]).toEqual([250, 4, 250, 0]);
    expect(closedByNode).toBe(false);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
  });

  it('does not keep stalled half requests for ever', async () => {
    const more = ['--set', 'limits.header_deadline_ms=200', '--set', 'limits.request_deadline_ms=400'];
    const node = await serve(newNode(), more);
    const halves = [post(4).subarray(0, 20), post(4).subarray(0, 60)];
    const began = performance.now();
    const talks = await Promise.all(halves.map((half) => talk(node.port, [half], 1_000, 3_000)));
    expect(talks.map(({ closedByNode }) => closedByNode)).toEqual([true, true]);
    expect(performance.now() - began).toBeLessThan(1_500);
    await pause(10);
    expect((await converse(node.port, [echo])).received[2]).toBe(250);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});
