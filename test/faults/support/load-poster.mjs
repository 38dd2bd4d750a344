/*
 * Posts keys in a process of its own: `node poster.mjs PORT REQUEST PACE FIRST`. REQUEST is a post in hexadecimal whose key id
 * is replaced by that of each number in turn, from FIRST on; PACE is posts a second, sent when they are due whatever the node
 * does, or `full` for pipelines that are never empty. A line on standard input is answered by one line of JSON: how many posts of each
 * connection are acknowledged (connection c sends FIRST + c, then each number `connections` further), how long those since the last line took from when
 * they were due, in milliseconds, and statuses other than 250. Nothing here is of src.
 */

import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [portText, template, pace, firstText] = process.argv.slice(2);
const rate = pace === 'full' ? undefined : Number(pace);
const connectionCount = 4;
const depth = 64;
const keyIdOffset = 48;
const replySize = 32;
const statusOffset = 2;

let durationsMs = [];
let unexpected = [];

class Connection {
  acknowledged = 0;
  #received = Buffer.alloc(0);
  #dueMs = [];
  #next;

  constructor(index) {
    this.#next = Number(firstText) + index;
    this.socket = connect({ host: '127.0.0.1', port: Number(portText), noDelay: true });
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.socket.on('close', () => process.exit(1));
  }

  send(dueMs) {
    const requests = dueMs.map(() => {
      const request = Buffer.from(template, 'hex');
      request.writeUInt32BE(Math.imul(this.#next, 0x9e3779b1) >>> 0, keyIdOffset);
      request.writeUInt32BE(this.#next, keyIdOffset + 12);
      this.#next += connectionCount;
      return request;
    });
    this.#dueMs.push(...dueMs);
    this.socket.write(Buffer.concat(requests));
  }

  #take(chunk) {
    this.#received = Buffer.concat([this.#received, chunk]);
    const replies = Math.floor(this.#received.length / replySize);
    const now = performance.now();
    for (let reply = 0; reply < replies; reply += 1) {
      const status = this.#received[reply * replySize + statusOffset];
      if (status !== 250) unexpected.push(status);
    }
    this.#received = this.#received.subarray(replies * replySize);
    this.acknowledged += replies;
    const due = this.#dueMs.splice(0, replies);
    if (rate === undefined) this.send(due.map(() => now));
    else durationsMs.push(...due.map((each) => now - each));
  }
}

const connections = Array.from({ length: connectionCount }, (_, index) => new Connection(index));
await Promise.all(connections.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));

if (rate === undefined) {
  for (const connection of connections) connection.send(Array.from({ length: depth }, () => performance.now()));
} else {
  const began = performance.now();
  let sent = 0;
  setInterval(() => {
    for (; began + (sent * 1_000) / rate <= performance.now(); sent += 1) {
      connections[sent % connectionCount].send([began + (sent * 1_000) / rate]);
    }
  }, 1);
}

createInterface({ input: process.stdin })
  .on('line', () => {
    const acknowledged = connections.map((connection) => connection.acknowledged);
    durationsMs.sort((one, other) => one - other);
    process.stdout.write(`${JSON.stringify({ acknowledged, durationsMs, unexpected })}\n`);
    durationsMs = [];
    unexpected = [];
  })
  .on('close', () => process.exit());
