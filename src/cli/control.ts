import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type ControlMessage, type ControlRequest, controlSocketName } from '../server/control-protocol.ts';

/** The node did not do what it was asked for; `name` is that of its own error. */
export class ControlFailure extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/**
 * Asks the node that serves a directory to do something. Returns its answer; undefined where no node serves it. Throws
 * ControlFailure where the node could not do it.
 */
export async function askNode(
  directory: string,
  request: ControlRequest,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<{ result: unknown } | undefined> {
  const socket = await open(directory);
  if (socket === undefined) return undefined;
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const line of createInterface({ input: socket })) {
    const message = JSON.parse(line) as ControlMessage;
    if (message.kind === 'progress') progress(message.done, message.total);
    else if (message.kind === 'error') throw new ControlFailure(message.name, message.message);
    else return { result: message.result };
  }
  throw new ControlFailure('NodeEnded', 'the node ended before it had answered');
}

/** By way of the open directory, because the name of a socket may have 107 bytes only. */
async function open(directory: string): Promise<Socket | undefined> {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await new Promise<Socket | undefined>((resolve, reject) => {
      const socket = connect(`/proc/self/fd/${descriptor}/${controlSocketName}`, () => resolve(socket));
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
        else reject(error);
      });
    });
  } finally {
    closeSync(descriptor);
  }
}
