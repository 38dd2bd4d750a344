import { createServer, type Socket } from 'node:net';
import { answerCalls } from '../child-calls.ts';
import type { ReplyShape } from '../packets.ts';

/**
 * The ceiling of the wire: a bare server that cuts requests out of the stream, counts them and answers each with the same
 * bytes. Whatever a node does beyond that costs rate.
 */
const legacyHeaderSize = 32;
const modernHeaderSize = 48;
const typePlace = 16;
const repliesMax = 4_096;

let replies = Buffer.alloc(0);
let replySize = 0;
let requests = 0;
let cpuBefore = process.cpuUsage();

/** Replies to the whole requests of a chunk leave in one write; the rest of it is returned. */
function serve(socket: Socket, chunk: Buffer): Buffer {
  let position = 0;
  let count = 0;
  while (chunk.length - position >= legacyHeaderSize) {
    const type = chunk[position + typePlace];
    const isModern = type === 4 || type === 5;
    const headerSize = isModern ? modernHeaderSize : legacyHeaderSize;
    const end = position + headerSize + chunk.readUInt16BE(position + (isModern ? 17 : 22));
    if (end > chunk.length) break;
    position = end;
    count += 1;
  }
  if (count > 0) socket.write(replies.subarray(0, count * replySize));
  requests += count;
  return position === chunk.length ? nothing : chunk.subarray(position);
}

const nothing = Buffer.alloc(0);

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = nothing;
  socket.on('data', (chunk: Buffer) => {
    rest = serve(socket, rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
  });
  socket.on('error', () => undefined);
});

const calls = {
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen({ host: '127.0.0.1', port: 0, backlog: 1_024 }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    }),
  answer: ({ size, status, sizeByte }: ReplyShape) => {
    const reply = Buffer.alloc(size);
    reply[2] = status;
    reply[11] = sizeByte;
    replies = Buffer.concat(Array.from({ length: repliesMax }, () => reply));
    replySize = size;
  },
  beginMeasurement: () => {
    requests = 0;
    cpuBefore = process.cpuUsage();
  },
  endMeasurement: () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    return { requests, cpuUs: user + system };
  },
};

export type BareServerCalls = typeof calls;

answerCalls(calls);
