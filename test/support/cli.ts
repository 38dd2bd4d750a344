import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { watchedEnvironment, watchText } from './watched.ts';

/** The built program as its user runs it. */
export const commandLine = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [commandLine, ...words], {
    encoding: 'utf8',
    maxBuffer: 64 * 1_048_576,
    env: { ...process.env, ...environment },
  });
  watchText(stdout + stderr);
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
  /** Of the node itself, also where another program runs it. */
  readonly pid: number;
  readonly process: ChildProcess;
  /** All of its log so far. */
  log(): string;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; durationMs: number }>;
}

export interface Surroundings {
  /** A program and its first words, which runs the node. */
  readonly under?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** `raida-node serve` on a free port of the loopback. */
export async function serve(
  directory: string,
  more: readonly string[] = [],
  { under = [], environment = {} }: Surroundings = {},
): Promise<Served> {
  const serving = [commandLine, 'serve', '--data', directory, '--host', '127.0.0.1', '--port', '0', ...more];
  // What runs it wants to see Node.js itself; otherwise the program is started as its users do.
  const [program = commandLine, ...words] = under.length === 0 ? serving : [...under, process.execPath, ...serving];
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...watchedEnvironment, ...environment },
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines: string[] = [];
  let pid: number | undefined;
  const kill = (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (pid === undefined || pid === child.pid) child.kill(signal);
    else process.kill(pid, signal);
  };
  onTestFinished(() => kill('SIGKILL'));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      watchText(line);
      const entry = JSON.parse(line) as { msg: string; port: number; pid: number };
      if (entry.msg !== 'listening') return;
      pid = entry.pid;
      resolve(entry.port);
    });
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}`)));
  });
  return {
    port,
    pid: pid ?? 0,
    process: child,
    log: () => lines.join('\n'),
    end: async (signal) => {
      const began = performance.now();
      kill(signal);
      return { code: await ended, durationMs: performance.now() - began };
    },
  };
}
