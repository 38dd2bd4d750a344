import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { makeNode, serveNode, talk } from '../support/harness.ts';
import { buildRequest, getPayload, masked, postPayload, readReply } from '../support/wire.ts';

/** The TCP front end with real sockets: order, deadlines, limits, and the ways in which a deployed server fails its users. */
const coin = Buffer.from('010000012c', 'hex');
const echo = (nonce = 'a0a1a2a3a4a5a6a7') => buildRequest({ group: 0, command: 0, nonce: Buffer.from(nonce, 'hex') });
const get = buildRequest({ group: 4, command: 43, payload: getPayload(Buffer.alloc(16, 1)) });
const post = (id: number) =>
  buildRequest({ group: 4, command: 41, payload: postPayload(Buffer.alloc(16, id), coin, Buffer.alloc(128), 0, 9) });

function replies(stream: Buffer) {
  const found = [];
  let rest = stream;
  for (let reply = readReply(rest); reply !== undefined; reply = readReply(rest)) {
    found.push(reply);
    rest = rest.subarray(reply.whole.length);
  }
  return found;
}

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

describe('a connection', () => {
  it('stays open, may pipeline, and is answered in the order of its requests', async () => {
    const { port } = await serveNode(makeNode());
    const requests = Array.from({ length: 300 }, (_, index) => {
      const nonce = Buffer.alloc(8);
      nonce.writeUInt16BE(index, 6);
      return index % 3 === 0 ? buildRequest({ group: 4, command: 42, nonce }) : echo(nonce.toString('hex'));
    });
    const { received, closedByNode } = await talk(port, [Buffer.concat(requests)], 300 * 32);
    expect(replies(received).map((reply) => Number.parseInt(reply.echo, 16))).toEqual(
      requests.map((_, index) => index),
    );
    expect(closedByNode).toBe(false);
  });

  it('is served byte by byte, and one connection for each request', async () => {
    const { port } = await serveNode(makeNode());
    const { received } = await talk(
      port,
      [...post(1)].map((byte) => Buffer.from([byte])),
      32,
    );
    expect(received[2]).toBe(250);
    for (let round = 0; round < 50; round += 1) expect((await talk(port, [get], 46)).received[2]).toBe(250);
  });

  it('of a client that says at once that it sends no more is answered and closed', async () => {
    const { port } = await serveNode(makeNode());
    const received = await new Promise<Buffer>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => resolve(Buffer.concat(chunks)));
      socket.on('error', reject);
      socket.end(Buffer.concat([post(1), echo()]));
    });
    expect(replies(received).map((reply) => reply.status)).toEqual([250, 250]);
  });

  it('closes after a refused header, and only then (RP-6)', async () => {
    const { port } = await serveNode(makeNode());
    const wrong = buildRequest({ group: 0, command: 0, raidaId: 13 });
    const refused = await talk(port, [Buffer.concat([echo(), wrong, echo()])], 10_000);
    expect([replies(refused.received).map((reply) => reply.status), refused.closedByNode]).toEqual([[250, 3], true]);
    const crc = buildRequest({ group: 0, command: 0, challenge: Buffer.alloc(16, 1) });
    const kept = await talk(port, [Buffer.concat([crc, echo()])], 64);
    expect([replies(kept.received).map((reply) => reply.status), kept.closedByNode]).toEqual([[37, 250], false]);
  });

  it('gets the refusal of a header although it sends a large body after it', async () => {
    const { port } = await serveNode(makeNode());
    const wrong = buildRequest({ group: 0, command: 0, coinId: 7, body: Buffer.alloc(60_000) });
    const { received, closedByNode } = await talk(port, [wrong], 10_000);
    expect([masked(received).slice(4, 6), closedByNode]).toEqual(['07', true]);
  });
});

describe('deadlines and limits', () => {
  const limits =
    '[limits]\nheader_deadline_ms = 300\nrequest_deadline_ms = 600\nidle_limit_ms = 1000\nconnections = 30\nunparsed_bytes = 65536';

  async function lifetime(port: number, pieces: readonly Buffer[], everyMs: number): Promise<number> {
    const began = performance.now();
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    let next = 0;
    const timer = setInterval(() => socket.write(pieces[next++ % pieces.length] ?? Buffer.alloc(1)), everyMs);
    socket.resume();
    await Promise.race([closed, pause(5_000)]);
    clearInterval(timer);
    socket.destroy();
    return performance.now() - began;
  }

  it('a header that drips, a body that drips, a silent client: each is closed, and none postpones it', async () => {
    const { port } = await serveNode(makeNode(), limits);
    const drip = [Buffer.from([1]), Buffer.from([0])];
    const header = await lifetime(port, drip, 60);
    const whole = buildRequest({ group: 4, command: 41, body: Buffer.alloc(2_000) });
    const body = await lifetime(port, [whole.subarray(0, 33), Buffer.alloc(1)], 60);
    const silent = await lifetime(port, [Buffer.alloc(0)], 10_000);
    expect(header).toBeLessThan(1_200);
    expect(body).toBeGreaterThan(500);
    expect(body).toBeLessThan(1_600);
    expect(silent, 'as long as a request may take').toBeGreaterThan(500);
    expect(silent).toBeLessThan(1_600);
  });

  it('more connections than allowed are closed at once, the others served', async () => {
    const { port } = await serveNode(makeNode(), limits);
    const sockets = Array.from({ length: 60 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined));
    await pause(200);
    expect(sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length).toBeLessThanOrEqual(
      30,
    );
    for (const socket of sockets) socket.destroy();
    await pause(50);
    expect((await talk(port, [echo()], 32)).received[2]).toBe(250);
  });

  it('unfinished bodies beyond the budget cost their connections, not the node', async () => {
    const { port } = await serveNode(
      makeNode([{ denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 1) }]),
      limits,
    );
    const half = buildRequest({
      group: 0,
      command: 0,
      type: 4,
      coins: [{ denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 1) }],
      payload: Buffer.alloc(50_000),
    }).subarray(0, 40_000);
    const talks = await Promise.all(
      Array.from({ length: 8 }, () => talk(port, [half], 1, 250).catch(() => ({ closedByNode: true }))),
    );
    expect(talks.filter((each) => each.closedByNode).length).toBeGreaterThanOrEqual(4);
    expect((await talk(port, [echo()], 32)).received[2]).toBe(250);
  });

  it('clients that never read are paused, and the others served', async () => {
    const { port } = await serveNode(makeNode());
    const flood = Buffer.concat(Array.from({ length: 3_000 }, () => echo()));
    const deaf = Array.from({ length: 20 }, () => {
      const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
      socket.pause();
      for (let round = 0; round < 20; round += 1) socket.write(flood);
      return socket;
    });
    await pause(300);
    const began = performance.now();
    expect((await talk(port, [echo()], 32)).received[2]).toBe(250);
    expect(performance.now() - began).toBeLessThan(1_500);
    for (const socket of deaf) socket.destroy();
  });

  it.skipIf(!existsSync('/proc/net/tcp'))(
    'who leaves replies unread is closed, however much of them the system takes; who reads slowly is not',
    async () => {
      const { port } = await serveNode(makeNode());
      const asks = Buffer.concat(Array.from({ length: 20_000 }, () => echo()));
      const ask = () => {
        const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
        socket.pause();
        socket.write(asks);
        return socket;
      };
      const [deaf, slow] = [ask(), ask()];
      let read = 0;
      const timer = setInterval(() => {
        read += (slow.read(Math.min(8_192, slow.readableLength)) as Buffer | null)?.length ?? 0;
      }, 200);
      const began = performance.now();
      // A client that does not read does not see the end either; one that writes is told of it.
      await new Promise<void>((resolve) => {
        const knock = setInterval(() => deaf.write(echo()), 50);
        deaf.on('close', () => {
          clearInterval(knock);
          resolve();
        });
      });
      expect(performance.now() - began).toBeGreaterThan(3_900);
      expect(performance.now() - began).toBeLessThan(8_000);
      clearInterval(timer);
      expect(read).toBeGreaterThan(50_000);
      expect(slow.destroyed).toBe(false);
      const whole = new Promise<void>((resolve) => {
        slow.on('data', (chunk: Buffer) => {
          read += chunk.length;
          if (read === 20_000 * 32) resolve();
        });
      });
      slow.resume();
      await whole;
      slow.destroy();
    },
    20_000,
  );
});

describe('what brings a deployed server down', () => {
  it('requests followed by a reset, and resets in the middle of a body', async () => {
    const { port } = await serveNode(makeNode());
    for (let round = 0; round < 260; round += 1) {
      const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
      socket.write(round % 2 === 0 ? post(2) : post(2).subarray(0, 100), () => socket.resetAndDestroy());
      if (round % 20 === 0) await pause(5);
    }
    await pause(50);
    expect((await talk(port, [echo()], 32)).received[2]).toBe(250);
  });

  it('two connections at the same moment, and many', async () => {
    const { port } = await serveNode(makeNode());
    for (let round = 0; round < 10; round += 1) {
      const talks = await Promise.all(Array.from({ length: 20 }, () => talk(port, [echo()], 32)));
      expect(talks.every(({ received }) => received[2] === 250)).toBe(true);
    }
  });

  it('twenty valid Decrypt RAIDA Key requests', async () => {
    const file = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(436, 4)]);
    const { port } = await serveNode(makeNode([], { '01.300.bin': file }));
    const record = Buffer.concat([Buffer.from('0006000300', 'hex'), coin, Buffer.alloc(16)]);
    const decrypt = buildRequest({ group: 4, command: 45, payload: Buffer.concat([coin, record]) });
    for (let round = 0; round < 20; round += 1) expect((await talk(port, [decrypt], 35)).received[2]).toBe(250);
  });
});
