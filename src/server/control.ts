import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from '../logger.ts';
import type { ControlMessage, ControlRequest, ControlVerb } from './control-protocol.ts';
import { controlSocketName } from './control-protocol.ts';

/** Does one verb for the operator; `progress` may be told how far it is. Throws where it cannot be done. */
export type ControlAction = (
  request: ControlRequest,
  progress: (done: number, total: number) => void,
) => Promise<unknown> | unknown;

/**
 * The operator's way to a running node, which alone may write: a socket in the data directory, so that whoever may use it is
 * decided by the directory's permissions. A line of JSON each way; docs/operations.md names the verbs that use it.
 */
export class Control {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #directory: number;

  private constructor(directory: string) {
    // The name of a socket may have 107 bytes; by way of its open directory it always fits.
    this.#directory = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#server = createServer();
  }

  /** The process lock must be held: a socket that is left over from a killed node is removed. */
  static async listen(
    directory: string,
    actions: Readonly<Record<ControlVerb, ControlAction>>,
    logger: Logger,
  ): Promise<Control> {
    const control = new Control(directory);
    rmSync(join(directory, controlSocketName), { force: true });
    control.#server.on('connection', (socket) => {
      control.#sockets.add(socket);
      socket.on('close', () => control.#sockets.delete(socket));
      socket.on('error', () => undefined);
      void serveSocket(socket, actions, logger);
    });
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject);
      control.#server.listen(`/proc/self/fd/${control.#directory}/${controlSocketName}`, resolve);
    });
    return control;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    closeSync(this.#directory);
  }
}

/** One request a connection. */
async function serveSocket(
  socket: Socket,
  actions: Readonly<Record<ControlVerb, ControlAction>>,
  logger: Logger,
): Promise<void> {
  const send = (message: ControlMessage) => socket.write(`${JSON.stringify(message)}\n`);
  for await (const line of createInterface({ input: socket })) {
    try {
      const request = JSON.parse(line) as ControlRequest;
      const action = actions[request.verb];
      if (action === undefined) throw new Error(`this node does not know ${request.verb}: it runs another version`);
      logger.info({ verb: request.verb }, 'asked by the operator');
      const result = await action(request, (done, total) => send({ kind: 'progress', done, total }));
      send({ kind: 'result', result });
    } catch (error) {
      const { name, message } = error as Error;
      send({ kind: 'error', name, message });
    }
    socket.end();
    return;
  }
}
