import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { makeNode } from '../support/harness.ts';
import { addKeyNumbered } from '../support/many-keys.ts';
import { HeapMeter } from './support/heap.ts';
import { MixedLoad } from './support/mixed-load.ts';
import { megabytes, openDescriptors, residentBytes } from './support/process.ts';
import { adminKey, knownCoins, knownFiles } from './support/sound-requests.ts';

/**
 * A long day in short, SOAK_SECONDS of it: what a node holds of memory, descriptors and WAL does not grow with time. Memory is
 * judged from when the database is larger than the page cache can be; 100 bytes lost with each request would show.
 */
const seconds = Number(process.env.SOAK_SECONDS ?? '60');
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const sampleEveryMs = 250;
const warmDatabaseBytes = 44e6;
const warmWithinMs = 300_000;
const walBytesMax = 64e6;
/** With so many keys, there is a thread that reads them ahead. */
const manyKeys = 262_144;
/** A node that listens goes on starting its threads, which have connections of their own to the database. */
const settlesWithinMs = 2_000;
const descriptorsBackWithinMs = 15_000;
/** Over a minute the collector's own tides come close to this; over a longer time they matter less. */
const slopeMax = Math.max(1e6, (20e6 * 60) / seconds);
/** What is in use after a collection has no tides. */
const heapGrowthMax = 8e6;
const progressLines = 6;
/** Warming up and the verification after it take their time as well. */
const timeoutMs = (seconds + 900) * 1_000;

interface Sample {
  readonly minute: number;
  readonly residentBytes: number;
}

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

/** Bytes a minute, by the least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanMinute = mean(samples.map(({ minute }) => minute));
  const meanBytes = mean(samples.map((sample) => sample.residentBytes));
  let covariance = 0;
  let variance = 0;
  for (const sample of samples) {
    covariance += (sample.minute - meanMinute) * (sample.residentBytes - meanBytes);
    variance += (sample.minute - meanMinute) ** 2;
  }
  return covariance / variance;
}

/** How a serving node looks from outside, at one moment after the other. */
class Watch {
  readonly #directory: string;
  readonly #pid: number;
  #walBytesMax = 0;

  constructor(directory: string, pid: number) {
    this.#directory = directory;
    this.#pid = pid;
  }

  get walBytesMax(): number {
    return this.#walBytesMax;
  }

  get databaseBytes(): number {
    return statSync(join(this.#directory, 'node.db')).size;
  }

  async next(): Promise<Sample> {
    await pause(sampleEveryMs);
    this.#walBytesMax = Math.max(this.#walBytesMax, statSync(join(this.#directory, 'node.db-wal')).size);
    return { minute: performance.now() / 60_000, residentBytes: residentBytes(this.#pid) };
  }
}

describe(`soak, seed ${seed}`, () => {
  it(
    `${seconds} s of everything: no growth`,
    async () => {
      const directory = makeNode(knownCoins, knownFiles);
      addKeyNumbered(directory, manyKeys);
      const meter = new HeapMeter();
      const more = ['--set', `server.admin_key=${adminKey}`];
      const node = await serve(directory, more, { environment: meter.environment });
      await pause(settlesWithinMs);
      const descriptors = openDescriptors(node.pid);
      const load = new MixedLoad(node.port, seed);
      const watch = new Watch(directory, node.pid);
      const began = performance.now();
      const passedSeconds = () => (performance.now() - began) / 1_000;
      const say = (what: string, sample: Sample) =>
        process.stdout.write(
          `soak, ${what} ${passedSeconds().toFixed(0)} s: ${load.answered} answers, ${megabytes(sample.residentBytes)}\n`,
        );
      let sample = await watch.next();
      while (watch.databaseBytes < warmDatabaseBytes && passedSeconds() * 1_000 < warmWithinMs)
        sample = await watch.next();
      say('warm after', sample);
      const heapBytes = await meter.of(node.pid);
      const warmSeconds = passedSeconds();
      const samples: Sample[] = [];
      for (let line = 1; passedSeconds() < warmSeconds + seconds; ) {
        samples.push(await watch.next());
        if (passedSeconds() < warmSeconds + (line * seconds) / progressLines) continue;
        line += 1;
        say('after', samples.at(-1) ?? sample);
      }
      const heapGrowth = (await meter.of(node.pid)) - heapBytes;
      await load.stop();
      const perMinute = slope(samples);
      await expect.poll(() => openDescriptors(node.pid), { timeout: descriptorsBackWithinMs }).toBe(descriptors);
      process.stdout.write(
        `soak: ${load.answered} answers on ${load.connections} connections, memory ${(perMinute / 1e6).toFixed(2)} MB a minute, ` +
          `heap grown by ${megabytes(heapGrowth)}, WAL at most ${megabytes(watch.walBytesMax)}, descriptors back at ${descriptors}\n`,
      );
      expect.soft(load.unexpected.slice(0, 20)).toEqual([]);
      expect.soft(perMinute, 'memory').toBeLessThan(slopeMax);
      expect.soft(heapGrowth, 'heap').toBeLessThan(heapGrowthMax);
      expect.soft(watch.walBytesMax, 'WAL').toBeLessThan(walBytesMax);
      expect(node.log()).not.toMatch(/"level":[56]0/);
      expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
      expect(run(['verify', '--data', directory]).code).toBe(0);
    },
    timeoutMs,
  );
});
