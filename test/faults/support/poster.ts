import { connect } from 'node:net';
import { buildRequest, postPayload, readReply } from '../../support/wire.ts';

/** So many posts are under way on a connection. */
const depth = 64;
const coin = Buffer.from('010000012c', 'hex');

function post(id: number): Buffer {
  const keyId = Buffer.alloc(16);
  keyId.writeUInt32BE(id, 12);
  return buildRequest({ group: 4, command: 41, payload: postPayload(keyId, coin, Buffer.alloc(128), 0, 9) });
}

/** Posts without pause on one connection until it breaks; adds the ids whose posts were acknowledged. */
export function postWithoutPause(port: number, nextId: () => number, acknowledged: Set<number>): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const waiting: number[] = [];
    let received = Buffer.alloc(0);
    const send = (count: number) => {
      const ids = Array.from({ length: count }, nextId);
      waiting.push(...ids);
      socket.write(Buffer.concat(ids.map(post)));
    };
    socket.on('connect', () => send(depth));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      let replies = 0;
      for (let reply = readReply(received); reply !== undefined; reply = readReply(received)) {
        received = received.subarray(reply.whole.length);
        const id = waiting.shift();
        if (id !== undefined && reply.status === 250) acknowledged.add(id);
        replies += 1;
      }
      send(replies);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

/** The ids of posted keys, from what `SELECT key_id` gives. */
export function idsOf(keyIds: readonly Buffer[]): Set<number> {
  return new Set(keyIds.map((keyId) => keyId.readUInt32BE(12)));
}
