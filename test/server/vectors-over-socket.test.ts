import { performance } from 'node:perf_hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import type { RandomSource } from '../../src/domain/random.ts';
import { startNode } from '../../src/server/node.ts';
import { Store } from '../../src/storage/store.ts';
import { Exchange, fixedNow, openStore, raidaId, watchedLogger } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import {
  bytesOf,
  contentOf,
  directoryOf,
  randomOf,
  readVectors,
  type Vector,
  vectorFiles,
  wantedContent,
} from '../support/vector.ts';
import { masked } from '../support/wire.ts';

/**
 * Every vector once more over a real socket: byte for byte what dispatch alone answers to the same bytes under the same
 * clock and randomness, the database after it on disk, and the connection closed exactly where RP-6 says so.
 */
const headerRules = /^RH-[1-8]$/;

/** The same bytes in the same order for every node that starts from it. */
function counting(): RandomSource {
  let next = 0;
  return {
    bytes: (size) => {
      next += 1;
      return Buffer.alloc(size, next & 0xff);
    },
  };
}

const isModern = (request: Buffer) => request[16] === 4 || request[16] === 5;

function alone(vector: Vector, requests: readonly Buffer[]): Buffer {
  const store = Store.open(directoryOf(vector));
  const exchange = new Exchange(store, { random: randomOf(vector, counting()), settings: vector.settings ?? '' });
  const replies = requests.map((request) => exchange.one(request));
  store.close();
  return replies.at(-1) ?? Buffer.alloc(0);
}

async function serveVector(vector: Vector, directory: string) {
  const node = await startNode({
    directory,
    config: parseConfig(`${vector.settings ?? ''}\n`, 'test', [
      { name: 'server.host', value: '127.0.0.1', origin: 'test' },
      { name: 'server.port', value: 0, origin: 'test' },
    ]),
    logger: watchedLogger,
    clock: { now: () => fixedNow, monotonicMs: () => performance.now() },
    random: randomOf(vector, counting()),
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= node.stop();
    return stopped;
  };
  onTestFinished(stop);
  return { port: node.port, stop };
}

describe.each(vectorFiles)('%s', (file) => {
  // Statistics count what the node has answered before, so they differ between the two.
  const vectors = readVectors(file).filter((vector) => file !== 'show-stats.json' || vector.reply.status !== 250);
  it.each(vectors)('$name $rules', async (vector) => {
    const requests = [...(vector.before ?? []), vector.request].map(bytesOf);
    const request = requests.at(-1) ?? Buffer.alloc(0);
    const wanted = alone(vector, requests);
    const directory = directoryOf(vector);
    const node = await serveVector(vector, directory);
    for (const each of requests.slice(0, -1)) await converse(node.port, [each]);
    const { status } = vector.reply;
    const refusedByHeader = status === 255 || (status < 250 && vector.rules.some((rule) => headerRules.test(rule)));
    const { received, closedByNode } = await converse(node.port, [request]);
    expect(masked(received, isModern(request))).toBe(masked(wanted, isModern(request)));
    expect(received[0], 'RAIDA id').toBe(raidaId);
    expect(closedByNode, 'closed').toBe(refusedByHeader);
    await node.stop();
    const store = openStore(directory);
    expect(contentOf(vector, store)).toEqual(wantedContent(vector));
  });
});
