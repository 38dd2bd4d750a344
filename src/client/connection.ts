import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import type { EncodedRequest } from '../protocol/request.ts';
import { type DecodedReply, decodeReply, responseBodySize, responseHeaderSize } from '../protocol/response.ts';

interface Awaited {
  readonly request: EncodedRequest;
  resolve(reply: DecodedReply): void;
  reject(error: Error): void;
}

/** The connection ended, or the node did not answer in time. */
export class ConnectionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConnectionError';
  }
}

/** A connection to one node: many requests may be under way, replies come in their order. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #awaited: Awaited[] = [];
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;

  /** Connects; rejects where that fails or an answer takes longer than `timeoutMs`. */
  static async open(host: string, port: number, timeoutMs: number): Promise<ClientConnection> {
    const socket = connect({ host, port, noDelay: true });
    socket.setTimeout(timeoutMs, () => socket.destroy(new ConnectionError(`no answer within ${timeoutMs} ms`)));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new ClientConnection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new ConnectionError('the node closed the connection')));
  }

  send(request: EncodedRequest): Promise<DecodedReply> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#awaited.push({ request, resolve, reject });
      this.#socket.write(request.bytes);
    });
  }

  close(): void {
    this.#socket.end();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    for (;;) {
      const [next] = this.#awaited;
      const reply = next === undefined ? undefined : this.#takeReply(next.request);
      if (next === undefined || reply === undefined) return;
      this.#awaited.shift();
      try {
        next.resolve(decodeReply(next.request.header, next.request.key, reply));
      } catch (error) {
        next.reject(error as Error);
      }
    }
  }

  #takeReply({ header }: EncodedRequest): Buffer | undefined {
    const headerSize = responseHeaderSize(header);
    if (this.#received.length < headerSize) return undefined;
    const size = headerSize + responseBodySize(header, this.#received);
    if (this.#received.length < size) return undefined;
    const reply = this.#received.subarray(0, size);
    this.#received = this.#received.subarray(size);
    return reply;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#awaited.splice(0)) reject(this.#failure);
    this.#socket.destroy();
  }
}
