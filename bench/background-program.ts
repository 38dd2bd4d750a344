import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A verb of the built program that runs beside the node, again and again until it is stopped. */
export class BackgroundProgram {
  readonly #parameters: readonly string[];
  #process: ChildProcess | undefined;
  #stopping = false;
  #ended: Promise<void>;
  /** How often it came to its end. */
  runs = 0;

  constructor(parameters: readonly string[]) {
    this.#parameters = parameters;
    this.#ended = this.#repeat();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#process?.kill('SIGTERM');
    await this.#ended;
  }

  async #repeat(): Promise<void> {
    const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
    while (!this.#stopping) {
      const child = spawn(process.execPath, [program, ...this.#parameters], { stdio: ['ignore', 'ignore', 'pipe'] });
      this.#process = child;
      const kill = () => child.kill();
      process.on('exit', kill);
      let complaint = '';
      child.stderr.on('data', (text) => {
        complaint += text;
      });
      const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
      process.off('exit', kill);
      if (code !== 0 && !this.#stopping) throw new Error(`raida-node ${this.#parameters[0]}: ${complaint}`);
      this.runs += 1;
    }
  }
}
