import { connect, type Socket } from 'node:net';
import { readReply } from '../../support/wire.ts';
import { randomFrom } from './random.ts';
import { encryptionTypes, expectedStatus, requestsOf } from './sound-requests.ts';

/** What a node meets on a long day: every command, clients that come and go, garbage, and hang-ups in the middle. */
const clients = 12;
/** Keys and tickets come again and again, so that a day of load does not only fill the disk. */
const numbers = 20_000;
const patienceMs = 10_000;
const pauseMs = 2;

type Random = (limit: number) => number;

export class MixedLoad {
  readonly #port: number;
  readonly #clients: Promise<void>[];
  #stopped = false;
  answered = 0;
  connections = 0;
  /** Whatever no client should meet. */
  readonly unexpected: string[] = [];

  constructor(port: number, seed: number) {
    this.#port = port;
    this.#clients = Array.from({ length: clients }, (_, index) => this.#work(randomFrom(seed + index * 7_919)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #work(random: Random): Promise<void> {
    let socket = this.#connect();
    while (!this.#stopped) {
      const kind = random(100);
      if (kind < 80) await this.#burst(socket, random);
      else if (kind < 90) await this.#offend(random);
      else {
        await hangUp(socket, random);
        socket = this.#connect();
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await hangUp(socket, random);
  }

  #connect(): Socket {
    this.connections += 1;
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    socket.on('error', () => undefined);
    return socket;
  }

  /** One request for each command, sent together. */
  async #burst(socket: Socket, random: Random): Promise<void> {
    const type = encryptionTypes[random(encryptionTypes.length)] ?? 0;
    const requests = requestsOf(type, random(numbers));
    const statuses = await ask(socket, Buffer.concat(requests.map(({ bytes }) => bytes)), requests.length, type >= 4);
    this.answered += statuses.length;
    for (const [index, request] of requests.entries()) {
      const status = statuses[index];
      if (status === expectedStatus(request)) continue;
      this.unexpected.push(`${request.request.command} under type ${type}: ${status ?? 'no answer'}`);
    }
  }

  /** Bytes that mean nothing, or a request that ends too early; then the end, one way or the other. */
  async #offend(random: Random): Promise<void> {
    const socket = this.#connect();
    const sound = requestsOf(0, random(numbers))[4]?.bytes ?? Buffer.alloc(0);
    const garbage = Buffer.from(Array.from({ length: random(600) }, () => random(256)));
    socket.resume();
    socket.write(random(2) === 0 ? garbage : sound.subarray(0, random(sound.length)));
    await hangUp(socket, random);
  }
}

function hangUp(socket: Socket, random: Random): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.once('close', () => resolve());
    const manner = random(3);
    socket.resume();
    if (manner === 0) socket.resetAndDestroy();
    else if (manner === 1) socket.destroy();
    else socket.end();
  });
}

/** The statuses of so many replies, or of as many as come in time. */
function ask(socket: Socket, bytes: Buffer, count: number, modern: boolean): Promise<number[]> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const statuses: number[] = [];
    const finish = () => {
      clearTimeout(timer);
      socket.off('data', take);
      socket.off('close', finish);
      resolve(statuses);
    };
    const take = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (let reply = readReply(received, modern); reply !== undefined; reply = readReply(received, modern)) {
        received = received.subarray(reply.whole.length);
        statuses.push(reply.status);
      }
      if (statuses.length >= count) finish();
    };
    const timer = setTimeout(finish, patienceMs);
    socket.on('data', take);
    socket.on('close', finish);
    socket.write(bytes);
  });
}
