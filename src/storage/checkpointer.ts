import { Worker } from 'node:worker_threads';
import { workerFile } from '../installation.ts';
import type { CheckpointMessage, CheckpointTask } from './checkpoint-worker.ts';
import { CheckpointFailure } from './failure.ts';

/** What a checkpoint thread tells. */
export interface CheckpointEvents {
  /** All but a few frames of a WAL that is worth starting over are moved: the writer itself has to move the last ones. */
  nearlyDone(): void;
  failed(error: Error): void;
}

const intervalMs = 25;
/** A WAL of so many frames (4 KiB each) is started over; with fewer left to move, that takes a moment only. */
const framesWorthStartingOver = 1_000;
const framesLeftMax = 256;

/** Runs checkpoints in a thread of their own until it is stopped. */
export class Checkpointer {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  constructor(file: string, events: CheckpointEvents) {
    this.#worker = new Worker(workerFile('checkpoint'), {
      workerData: { file, intervalMs } satisfies CheckpointTask,
    });
    this.#worker.on('message', (message: CheckpointMessage) => {
      if ('failure' in message) {
        events.failed(new CheckpointFailure(message.failure.code, message.failure.message));
      } else if (message.frames >= framesWorthStartingOver && message.frames - message.moved <= framesLeftMax) {
        events.nearlyDone();
      }
    });
    this.#worker.on('error', (error) => events.failed(error));
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.unref();
  }

  async stop(): Promise<void> {
    this.#worker.ref();
    this.#worker.postMessage('stop');
    await this.#ended;
  }
}
