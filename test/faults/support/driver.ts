import { openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { sliceOf } from '../../../src/bytes/slice.ts';
import { coinPayload, getKeyPayload, postKeyPayload, ticketRecordPayload } from '../../../src/client/payloads.ts';
import { Registry } from '../../../src/commands/registry.ts';
import { parseConfig } from '../../../src/config.ts';
import { createLogger } from '../../../src/logger.ts';
import { EncryptionType } from '../../../src/protocol/encryption-type.ts';
import { Framer } from '../../../src/protocol/framer.ts';
import { encodeRequest } from '../../../src/protocol/request.ts';
import { sealTicket } from '../../../src/protocol/ticket.ts';
import { Dispatch, type Request } from '../../../src/server/dispatch.ts';
import { framerRules } from '../../../src/server/framer-rules.ts';
import { factsOf } from '../../../src/server/node.ts';
import { PooledRandom } from '../../../src/server/random.ts';
import { RateLimits } from '../../../src/server/rate-limits.ts';
import { Store } from '../../../src/storage/store.ts';

/**
 * Works on a node as its server does, without a socket: batches through dispatch, checkpoints and anchors in between. After
 * each batch, when its replies would leave, it notes the acknowledged keys in the file `acknowledged`, in the same order of
 * events that the recorder sees.
 */
const [directory = '', seedText = '', batchesText = ''] = process.argv.slice(2);
let state = Number(seedText) >>> 0;
function next(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % limit;
}

const store = Store.open(directory);
const registry = new Registry();
const random = new PooledRandom();
const dispatch = new Dispatch({
  store,
  registry,
  random,
  logger: createLogger('silent'),
  rateLimits: new RateLimits(parseConfig('', 'driver').rate_limits),
  clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
  facts: factsOf(parseConfig('', 'driver'), store.identity, () => ({ uptimeSeconds: 0, requests: 0, failures: 0 })),
  onDiskFailure: (error) => {
    throw error;
  },
});
const rules = framerRules(registry, store.identity.raidaId, store.identity.coinId);
const nobody = { type: EncryptionType.none, coins: [] };

function request(command: number, payload: Buffer): Request {
  const { raidaId, coinId } = store.identity;
  const { bytes } = encodeRequest({ raidaId, coinId, commandGroup: 4, command, payload, encryption: nobody }, random);
  let found: Request | undefined;
  new Framer(rules).push(bytes, (frame) => {
    found = {
      frame,
      receivedAtMs: performance.now(),
      client: { address: '192.0.2.1', origin: undefined, isGone: false },
    };
  });
  if (found === undefined) throw new Error('not one whole request');
  return found;
}

const coin = { denomination: 1, serialNumber: 300 };
const keyIdOf = (number: number) => Buffer.from(number.toString(16).padStart(32, '0'), 'hex');
const acknowledged = openSync(`${directory}/acknowledged`, 'a');
const authorityKey = Buffer.alloc(16, 4);
const nonce = sliceOf(Buffer.alloc(16));

for (let batch = 0; batch < Number(batchesText); batch += 1) {
  const keys: number[] = [];
  const requests: Request[] = [];
  for (let index = next(12) + 1; index > 0; index -= 1) {
    const kind = next(10);
    const number = next(400);
    if (kind < 6) {
      keys.push(number);
      const pad = Buffer.alloc(128, next(256));
      requests.push(
        request(
          41,
          postKeyPayload.encode({
            keyId: keyIdOf(number),
            clientAddress: Buffer.alloc(16),
            ...coin,
            pad,
            keyStart: 0,
            keySize: next(128),
          }),
        ),
      );
    } else if (kind < 8) {
      requests.push(
        request(43, getKeyPayload.encode({ keyId: keyIdOf(number), ...coin, clientAddress: Buffer.alloc(16) })),
      );
    } else {
      const target = { denomination: next(3), serialNumber: next(4_000) };
      const ticket = sealTicket(authorityKey, nonce, target, random.bytes(8), random.bytes(2));
      const record = ticketRecordPayload.encode({
        coinId: 6,
        splitId: next(2),
        authority: 3,
        shardId: 0,
        ...target,
        ticket,
      });
      requests.push(request(45, Buffer.concat([coinPayload.encode(coin), record])));
    }
  }
  const replies = dispatch.run(requests);
  if (replies.some((reply) => ![0, 194, 250].includes(reply[2] ?? -1))) throw new Error('an unexpected status');
  writeSync(acknowledged, `${JSON.stringify({ sequence: store.head().sequence, keys })}\n`);
  if (next(7) === 0) store.checkpoint();
  if (next(25) === 0) await store.renewAnchor();
}
