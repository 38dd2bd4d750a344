import { connect } from 'node:net';
import { buildRequest, readReply } from './wire.ts';

/** Bytes to a node in given pieces, and everything that comes back. */
export interface Conversation {
  /** All bytes before the answer to the last echo, or before the end. */
  readonly received: Buffer;
  /** Whether the node closed the connection: then the echo that is sent last was not answered. */
  readonly closedByNode: boolean;
}

const lastNonce = Buffer.from('5e5e5e5e5e5e7a7b', 'hex');
const lastEcho = buildRequest({ group: 0, command: 0, nonce: lastNonce });
const lastReplySize = 32;
const patienceMs = 5_000;

/**
 * Sends the pieces, one turn of the event loop between them, and an echo after them. That echo's answer ends the
 * conversation, so a reply too many or too few is seen at once and nobody waits for silence.
 */
export function converse(port: number, pieces: readonly Buffer[]): Promise<Conversation> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    let stream = Buffer.alloc(0);
    const finish = (closedByNode: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received: closedByNode ? stream : stream.subarray(0, -lastReplySize), closedByNode });
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${stream.length} bytes`));
    }, patienceMs);
    socket.on('data', (chunk) => {
      stream = Buffer.concat([stream, chunk]);
      if (endsInLastReply(stream)) finish(false);
    });
    socket.on('end', () => finish(true));
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.on('connect', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        if (pieces.length > 1) await new Promise((next) => setImmediate(next));
      }
      socket.write(lastEcho);
    });
  });
}

function endsInLastReply(stream: Buffer): boolean {
  const reply = stream.length < lastReplySize ? undefined : readReply(stream.subarray(-lastReplySize));
  return reply !== undefined && reply.status === 250 && reply.group === 0 && reply.echo === '7a7b';
}
