import { connect, type Socket } from 'node:net';
import { readReply } from '../../support/wire.ts';

const patienceMs = 10_000;

/** One connection, one request at a time. */
export class Asker {
  readonly #socket: Socket;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('error', () => undefined);
  }

  /** The status of a reply under type 0 or 1; throws where the node hangs up or stays silent. */
  status(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#socket.off('data', take);
        this.#socket.off('close', close);
        settle();
      };
      const take = (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const reply = readReply(received);
        if (reply !== undefined) finish(() => resolve(reply.status));
      };
      const close = () => finish(() => reject(new Error('the node hung up')));
      const timer = setTimeout(() => finish(() => reject(new Error('the node is silent'))), patienceMs);
      this.#socket.on('data', take);
      this.#socket.on('close', close);
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
