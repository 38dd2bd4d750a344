import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Served, serve } from '../support/cli.ts';
import { makeNode, talk } from '../support/harness.ts';
import { buildRequest } from '../support/wire.ts';
import { HonestClient, percentile } from './support/honest-client.ts';
import { megabytes, openDescriptors, residentBytesMax } from './support/process.ts';

/**
 * Hostile load on a node of its own process, with the settings that it has by default: offenders are gone within 12 s, an
 * honest client hardly notices, memory stays bounded, and the node never ends.
 */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const attacker = fileURLToPath(new URL('support/attacker.mjs', import.meta.url));
const quietMs = 6_000;
const goneWithinMs = 12_000;
const residentMax = 150e6;
/** Hardly more than a line for each limited kind and second. */
const logLinesMax = 400;
/** What an honest client may wait among a hundred who ask for as much as the node can give. */
const busyP99Ms = 250;
/** Below this the duration of an answer is the scheduler's doing. */
const noticedMs = 10;

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

interface Attack {
  /** Resolves when every attacker has connected or failed to. */
  readonly underWay: Promise<void>;
  readonly over: Promise<void>;
  stop(): void;
}

function attack(port: number, kind: string, count: number): Attack {
  const child = spawn(
    'bash',
    [
      '-c',
      'ulimit -n 20000; exec nice -n 10 "$@"',
      'bash',
      process.execPath,
      attacker,
      String(port),
      kind,
      String(count),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const stop = () => {
    child.kill('SIGKILL');
  };
  onTestFinished(stop);
  const lines = createInterface({ input: child.stdout });
  const underWay = new Promise<void>((resolve) => lines.once('line', () => resolve()));
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { underWay, over, stop };
}

interface Figures {
  readonly goneAfterMs: number;
  readonly quietP99Ms: number;
  readonly p99Ms: number;
  readonly residentBytes: number;
  readonly logLines: number;
}

/** A quiet while, then the attack until its connections are gone; what an honest client saw of both. */
async function endure(node: Served, kind: string, count: number): Promise<Figures> {
  const honest = new HonestClient(node.port);
  await pause(500);
  honest.takeDurationsMs();
  await pause(quietMs);
  const quiet = honest.takeDurationsMs();
  const before = openDescriptors(node.pid);
  const linesBefore = node.log().split('\n').length;
  const { underWay, stop } = attack(node.port, kind, count);
  await underWay;
  const began = performance.now();
  while (openDescriptors(node.pid) > before && performance.now() - began < goneWithinMs + 2_000) await pause(50);
  const goneAfterMs = performance.now() - began;
  const attacked = honest.takeDurationsMs();
  stop();
  await honest.stop();
  expect(honest.unexpected).toEqual([]);
  const figures = {
    goneAfterMs: Math.round(goneAfterMs),
    quietP99Ms: percentile(quiet, 0.99),
    p99Ms: percentile(attacked, 0.99),
    residentBytes: residentBytesMax(node.pid),
    logLines: node.log().split('\n').length - linesBefore,
  };
  process.stdout.write(
    `load, ${count} ${kind}: gone after ${figures.goneAfterMs} ms, p99 ${figures.quietP99Ms.toFixed(1)} ms quiet and ` +
      `${figures.p99Ms.toFixed(1)} ms under attack, ${megabytes(figures.residentBytes)}, ${figures.logLines} log lines\n`,
  );
  return figures;
}

const holder = { denomination: 1, serialNumber: 300, secret: Buffer.alloc(16, 6) };
const cases = [
  { kind: 'drip', count: 5_000, what: 'connections that drip a byte a second' },
  { kind: 'deaf', count: 500, what: 'that ask and never read' },
  { kind: 'reset', count: 5_000, what: 'resets in the middle of a body' },
  { kind: 'half', count: 2_000, what: 'half bodies' },
];

async function expectSound(node: Served, { p99Ms, quietP99Ms, residentBytes, logLines }: Figures): Promise<void> {
  expect.soft(p99Ms, 'p99').toBeLessThan(Math.max(2 * quietP99Ms, noticedMs));
  expect.soft(residentBytes, 'memory').toBeLessThan(residentMax);
  expect.soft(logLines, 'log lines').toBeLessThan(logLinesMax);
  expect((await talk(node.port, [buildRequest({ group: 0, command: 0 })], 32)).received[2]).toBe(250);
  expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
}

describe('under hostile load', () => {
  it.each(cases)('$count $what', async ({ kind, count }) => {
    const node = await serve(makeNode([holder]));
    const figures = await endure(node, kind, Math.ceil(count * Math.min(1, scale)));
    expect.soft(figures.goneAfterMs, 'offenders are gone').toBeLessThan(goneWithinMs);
    await expectSound(node, figures);
  });

  it('1,000 silent connections to a node of 256 descriptors', async () => {
    const node = await serve(makeNode([holder]), [], { under: ['bash', '-c', 'ulimit -n 256; exec "$@"', 'bash'] });
    const figures = await endure(node, 'silent', 1_000);
    expect.soft(figures.goneAfterMs, 'offenders are gone').toBeLessThan(goneWithinMs);
    await expectSound(node, figures);
  });

  it('100 that pipeline requests as large as can be: busy, and no larger for it', async () => {
    const node = await serve(makeNode([holder]));
    await expectSound(node, { ...(await endure(node, 'large', 100)), quietP99Ms: busyP99Ms / 2 });
  });
});
