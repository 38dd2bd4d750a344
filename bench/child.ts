import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CallMessage, Calls, ResultMessage } from './child-calls.ts';

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A process of its own that answers typed calls. Whatever is not measured at the moment can be paused. */
export class Child<C extends Calls> {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #calls = 0;

  /** Starts `processes/NAME.js`. */
  static start<C extends Calls>(name: string, flags: readonly string[] = []): Child<C> {
    const program = fileURLToPath(new URL(`./processes/${name}.js`, import.meta.url));
    return new Child(
      fork(program, {
        execArgv: [...flags],
        serialization: 'advanced',
        // The report alone goes to standard output.
        stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
      }),
      name,
    );
  }

  private constructor(child: ChildProcess, name: string) {
    this.#process = child;
    // One that is halted would not notice that its parent is gone.
    const kill = () => child.kill('SIGKILL');
    process.on('exit', kill);
    this.#ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        for (const { reject } of this.#pending.values()) reject(new Error(`${name} ended: ${code ?? signal}`));
        process.off('exit', kill);
        resolve();
      });
    });
    child.on('message', ({ id, result, error }: ResultMessage) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(result);
      else pending?.reject(new Error(`${name}: ${error}`));
    });
  }

  call<N extends keyof C & string>(name: N, argument: Parameters<C[N]>[0]): Promise<Awaited<ReturnType<C[N]>>> {
    this.#calls += 1;
    const message: CallMessage = { id: this.#calls, name, argument };
    return new Promise((resolve, reject) => {
      this.#pending.set(message.id, { resolve: (result) => resolve(result as never), reject });
      this.#process.send(message);
    });
  }

  /** Halts the process, so that its background work does not disturb the measurement of another. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.resume();
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }
}
