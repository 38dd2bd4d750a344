import { expect, it } from 'vitest';
import { collectYoungGarbage } from '../../src/server/heap.ts';
import { makeNode, serveNode, talk } from '../support/harness.ts';
import { buildRequest, readReply } from '../support/wire.ts';

/** Requests as large as can be: each is judged by its own bytes, and what they leave is collected. */
const coin = { denomination: 2, serialNumber: 77, secret: Buffer.alloc(16, 5) };
const invalidPacketLength = 16;

it('requests from many connections in pieces are each found sound, and too large', async () => {
  const { port } = await serveNode(makeNode([coin]));
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
});

it('collects memory outside of the heap that has died young', async () => {
  const size = 1_000_000;
  const outside = () => process.memoryUsage().arrayBuffers;
  collectYoungGarbage();
  const before = outside();
  for (let count = 0; count < 20; count += 1) Buffer.alloc(size);
  expect(outside() - before).toBeGreaterThan(10 * size);
  collectYoungGarbage();
  await expect.poll(() => outside() - before, { timeout: 3_000 }).toBeLessThan(10 * size);
});
