import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandLine, type Served, serve } from '../support/cli.ts';
import { temporaryFolder } from '../support/harness.ts';
import { makeFilledNode } from './support/filled-node.ts';
import { percentile } from './support/honest-client.ts';
import { Poster } from './support/load-poster.ts';
import { megabytes, residentBytesMax } from './support/process.ts';

/** Commands that read everything there is, beside a node that serves: its clients hardly notice, and they stay small. */
const scale = Number(process.env.FAULT_SCALE ?? '0.2');
const filling = {
  pages: 10,
  keys: Math.ceil(1_000_000 * scale),
  events: 2 * Math.ceil(1_000_000 * scale),
  reconstructions: 0,
};
const postsPerSecond = 500;
const lookMs = 8_000;
const triesMax = 6;
const laterByMsMax = 20;
/** A look where replies were late already without the command says nothing about it. */
const quietMsMax = 20;
const residentMax = 250e6;
const sampleMs = 20;
/** Of 500 replies a second, what is left out is what other programs on the machine do. */
const share = 0.999;

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

/** Runs a verb to its end, its output thrown away; the most memory that it held. */
async function residentOf(words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [commandLine, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  let resident = 0;
  const sampler = setInterval(() => {
    if (child.exitCode === null) resident = Math.max(resident, residentBytesMax(child.pid ?? 0) || 0);
  }, sampleMs);
  const code = await new Promise<number | null>((resolve) => {
    child.once('exit', (status) => {
      clearInterval(sampler);
      resolve(status);
    });
  });
  expect(code, words.join(' ')).toBe(0);
  return resident;
}

interface Look {
  /** Undefined where other programs made replies late before the command ran. */
  readonly laterByMs: number | undefined;
  readonly residentBytes: number;
}

/** The replies of a quiet while and of one in which the command runs again and again. */
async function look(node: Served, name: string, words: readonly string[]): Promise<Look> {
  const poster = new Poster(node.port, postsPerSecond, nextKey());
  await pause(1_000);
  await poster.report();
  await pause(lookMs);
  const quiet = await poster.report();
  const began = performance.now();
  let residentBytes = 0;
  let runs = 0;
  for (; performance.now() - began < lookMs; runs += 1) {
    residentBytes = Math.max(residentBytes, await residentOf(words));
  }
  const beside = await poster.report();
  poster.stop();
  expect([...quiet.unexpected, ...beside.unexpected]).toEqual([]);
  const figures = ({ durationsMs }: typeof quiet) =>
    [0.5, 0.99, share, 1].map((part) => percentile(durationsMs, part).toFixed(1)).join('/');
  process.stdout.write(
    `forensics, ${name}: p50/p99/p99.9/max ${figures(quiet)} ms quiet, ${figures(beside)} ms beside ${runs} runs, ` +
      `${megabytes(residentBytes)}\n`,
  );
  const quietMs = percentile(quiet.durationsMs, share);
  const laterByMs = quietMs > quietMsMax ? undefined : percentile(beside.durationsMs, share) - quietMs;
  return { laterByMs, residentBytes };
}

let keysUsed = 0;
function nextKey(): number {
  keysUsed += 1_000_000;
  return keysUsed;
}

const commands: [name: string, ...options: string[]][] = [
  ['events list', '--action', 'nothing'],
  ['keys list', '--ndjson'],
  ['events export', '--signed', 'bundle'],
];

describe(`beside load, ${filling.keys} keys and ${filling.events} events`, () => {
  it.each(commands)('%s %s', async (name, ...options) => {
    const directory = makeFilledNode(filling);
    const node = await serve(directory);
    const words = [...name.split(' '), ...options.map((option) => (option === 'bundle' ? bundleFile() : option))];
    const looks: Look[] = [];
    while (looks.length < triesMax && (looks.at(-1)?.laterByMs ?? Number.POSITIVE_INFINITY) > laterByMsMax) {
      looks.push(await look(node, name, [...words, '--data', directory]));
    }
    const residentBytes = Math.max(...looks.map((each) => each.residentBytes));
    const later = looks.flatMap(({ laterByMs }) => laterByMs ?? []);
    expect
      .soft(Math.min(...later), 'later than without it; infinite where it was never quiet')
      .toBeLessThan(laterByMsMax);
    expect.soft(residentBytes, 'memory').toBeLessThan(residentMax);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});

const bundleFile = () => join(temporaryFolder(), 'bundle');
