import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Registry } from '../../src/commands/registry.ts';
import { BodyMemory, bodyPieceSize } from '../../src/protocol/body-memory.ts';
import { Framer } from '../../src/protocol/framer.ts';
import { Connection } from '../../src/server/connection.ts';
import { framerRules } from '../../src/server/framer-rules.ts';
import { collectYoungGarbage } from '../../src/server/heap.ts';
import { LargeReads } from '../../src/server/large-reads.ts';
import { makeNode, serveNode, talk } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, readReply } from '../support/wire.ts';

/** Requests as large as can be: each is judged by its own bytes, and what they leave is collected. */
const coin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 5) };
const invalidPacketLength = 16;

it('requests from many connections in pieces are each found sound, and too large', async () => {
  const { port } = await serveNode(makeNode([coin]));
  const takes = vi.spyOn(BodyMemory.prototype, 'take');
  const returns = vi.spyOn(BodyMemory.prototype, 'giveBack');
  onTestFinished(() => void vi.restoreAllMocks());
  const connections = Array.from({ length: 24 }, (_, index) => index);
  const perConnection = 6;
  const talks = connections.map((index) => {
    const stream = Buffer.concat(
      Array.from({ length: perConnection }, (_, turn) =>
        buildRequest({
          group: 4,
          command: 43,
          type: 4,
          coins: [coin],
          nonce: Buffer.alloc(24, index * perConnection + turn),
          payload: Buffer.alloc(40_000 + index * 1_000, turn + 1),
        }),
      ),
    );
    const pieces = Array.from({ length: Math.ceil(stream.length / 30_000) }, (_, turn) =>
      stream.subarray(turn * 30_000, (turn + 1) * 30_000),
    );
    return talk(port, pieces, perConnection * 48, 10_000);
  });
  for (const { received } of await Promise.all(talks)) {
    expect(received).toHaveLength(perConnection * 48);
    for (let turn = 0; turn < perConnection; turn += 1) {
      expect(readReply(received.subarray(turn * 48), true)?.status).toBe(invalidPacketLength);
    }
  }
  const taken = takes.mock.calls.length;
  expect(taken).toBeGreaterThan(0);
  expect(returns.mock.calls.filter(([memory]) => memory.length === bodyPieceSize)).toHaveLength(taken);
});

it('wait in less memory than their connection may have, whatever their bodies hold of it', async () => {
  const sizes = { bodies: 16_400, share: 131_072 };
  const body = Buffer.alloc(sizes.bodies, 1);
  const request = buildRequest({ group: 4, command: 43, type: 4, coins: [coin], body });
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const connection = new Connection(
    stream as unknown as Socket,
    new Framer(framerRules(new Registry(), 14, 6)),
    { headerDeadlineMs: 1_000, requestDeadlineMs: 1_000, idleLimitMs: 1_000 },
    { address: '192.0.2.7', origin: undefined, isGone: false },
    () => 0,
    {
      read: () => undefined,
      ready: () => undefined,
      share: () => ({ requests: 32, bytes: sizes.share }),
      held: () => undefined,
      closed: () => undefined,
    },
  );
  onTestFinished(() => connection.destroy());
  for (let count = 0; count < 8; count += 1) {
    stream.push(request.subarray(0, -10));
    stream.push(request.subarray(-10));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const waiting = connection.take(32);
  const held = waiting.reduce((sum, { frame }) => sum + (frame.memory?.length ?? frame.body.size), 0);
  expect(waiting.length).toBeGreaterThan(0);
  expect(held).toBeLessThanOrEqual(sizes.share);
});

it('counts what was read in large pieces once, however often a connection gives it back', async () => {
  const { port } = await serveNode(makeNode());
  const noted = vi.spyOn(LargeReads.prototype, 'note');
  onTestFinished(() => void vi.restoreAllMocks());
  const echo = buildRequest({ group: 0, command: 0 });
  const count = 30_000;
  const { received } = await converse(port, [Buffer.concat(Array.from({ length: count }, () => echo))]);
  expect(received).toHaveLength(count * 32);
  const sizes = noted.mock.calls.map(([size]) => size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThanOrEqual((count + 1) * echo.length);
});

it('has garbage looked for when some megabytes were read', () => {
  let collections = 0;
  const reads = new LargeReads(() => {
    collections += 1;
  });
  for (let read = 0; read < 1_000; read += 1) reads.note(65_536);
  expect(collections).toBe(15);
});

it('collects memory outside of the heap that has died young', async () => {
  const size = 1_000_000;
  const outside = () => process.memoryUsage().arrayBuffers;
  let before = Number.POSITIVE_INFINITY;
  // What others have left goes first.
  await expect
    .poll(() => {
      const earlier = before;
      collectYoungGarbage();
      before = outside();
      return Math.abs(earlier - before);
    })
    .toBeLessThan(size / 10);
  for (let count = 0; count < 20; count += 1) Buffer.alloc(size);
  expect(outside() - before).toBeGreaterThan(10 * size);
  collectYoungGarbage();
  await expect.poll(() => outside() - before, { timeout: 3_000 }).toBeLessThan(10 * size);
});
