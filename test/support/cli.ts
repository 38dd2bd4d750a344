import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The built program as its user runs it. */
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return { code: status, stdout, stderr };
}

/** Runs a verb that prints JSON. */
export function runJson<T>(words: readonly string[]): T {
  const { code, stdout, stderr } = run([...words, '--json']);
  if (stdout === '') throw new Error(`${words.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

export interface Served {
  readonly port: number;
  readonly process: ChildProcess;
  /** All of its log so far. */
  log(): string;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; durationMs: number }>;
}

/** `raida-node serve` on a free port of the loopback. */
export async function serve(directory: string, more: readonly string[] = []): Promise<Served> {
  const words = [main, 'serve', '--data', directory, '--host', '127.0.0.1', '--port', '0', ...more];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const entry = JSON.parse(line) as { msg: string; port: number };
      if (entry.msg === 'listening') resolve(entry.port);
    });
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}`)));
  });
  return {
    port,
    process: child,
    log: () => lines.join('\n'),
    end: async (signal) => {
      const began = performance.now();
      child.kill(signal);
      return { code: await ended, durationMs: performance.now() - began };
    },
  };
}
