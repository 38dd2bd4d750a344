/*
 * Clients that mean no good, in a process of their own: `node attacker.mjs PORT KIND COUNT`. Prints one line when all of them
 * have connected or failed to, and one when the last has lost its connection or the time is up. Nothing here is of src.
 */

import { connect } from 'node:net';

const [portText, kind, countText] = process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);
const patienceMs = 14_000;
const connectsPerTurn = kind === 'reset' ? 5 : 20;

function header(command, type, bodySize) {
  const bytes = Buffer.alloc(type === 4 ? 48 : 32);
  bytes[0] = 1;
  bytes[2] = 14;
  [bytes[4], bytes[5]] = command;
  bytes.writeUInt16BE(6, 6);
  bytes[16] = type;
  if (type === 4) {
    bytes[19] = 1;
    bytes.writeUInt32BE(300, 20);
  }
  bytes.writeUInt16BE(bodySize, type === 4 ? 17 : 22);
  return bytes;
}

const repeated = (bytes, times) => Buffer.concat(Array.from({ length: times }, () => bytes));
/** An echo whose challenge proves nothing costs the node an answer all the same. */
const echoes = repeated(Buffer.concat([header([0, 0], 0, 18), Buffer.alloc(16), Buffer.from('>>')]), 1_000);
const post = Buffer.concat([header([4, 41], 0, 185), Buffer.alloc(185)]);
/** Under type 4 a node has to keep the whole body, for its HMAC. */
const large = Buffer.concat([header([0, 0], 4, 65_000), Buffer.alloc(65_000)]);

function keepWriting(socket, bytes) {
  const write = () => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', write);
  write();
}

const kinds = {
  /** A byte a second. */
  drip: (socket) => {
    let position = 0;
    const timer = setInterval(() => socket.write(post.subarray(position, ++position)), 1_000);
    socket.write(post.subarray(position, ++position));
    socket.on('close', () => clearInterval(timer));
  },
  silent: () => undefined,
  /** Asks without end and never reads an answer. */
  deaf: (socket) => {
    socket.pause();
    keepWriting(socket, echoes);
  },
  /** Asks without end, each time as much as can be. */
  large: (socket) => keepWriting(socket, large),
  /** All but the last bytes of a large request. */
  half: (socket) => socket.write(large.subarray(0, 60_000)),
  /** Leaves in the middle of a body, by a reset. */
  reset: (socket) => socket.write(post.subarray(0, 100), () => socket.resetAndDestroy()),
};

let opened = 0;
let failed = 0;
let closed = 0;
const say = (event) => process.stdout.write(`${JSON.stringify({ event, opened, failed, closed })}\n`);

function settled() {
  if (opened + failed === count) say('under way');
}

function attack() {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let isOpen = false;
  socket.on('connect', () => {
    isOpen = true;
    opened += 1;
    kinds[kind](socket);
    settled();
  });
  socket.on('error', () => undefined);
  if (kind !== 'deaf') socket.resume();
  socket.on('close', () => {
    if (isOpen) {
      closed += 1;
    } else {
      failed += 1;
      settled();
    }
    if (closed + failed === count) finish();
  });
}

function finish() {
  say('over');
  process.exit();
}

setTimeout(finish, patienceMs);
for (let started = 0; started < count; started += connectsPerTurn) {
  for (let each = started; each < Math.min(count, started + connectsPerTurn); each += 1) attack();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
