import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bench, baseKeys } from '../bench.ts';
import type { CommandName } from '../cases.ts';
import { NodeContender, type Sample } from '../contenders.ts';
import type { Finding } from '../findings.ts';
import type { FixtureSize } from '../fixture.ts';
import { interleave, medianRate, medianRatio } from '../interleave.ts';
import { MeasuredNode } from '../measured-node.ts';
import { median } from '../statistics.ts';

const million = 1_000_000;
const fullSizes: readonly FixtureSize[] = [
  { keys: baseKeys, pages: 15_000 },
  { keys: million, pages: 1_000 },
  { keys: 10 * million, pages: 15_000 },
];
const shortSizes: readonly FixtureSize[] = [{ keys: million, pages: 0 }];

const shareKept = 0.85;
const readyLimitSeconds = 1;
const residentLimitMb = 200;
const starts = 3;
/** A node reads which ids it holds while nobody asks for anything: with ten million it takes some twenty seconds. */
const learningMsPerMillion = 2_500;

/** A node that holds much against one that holds hardly anything: rate, start, memory. */
export async function measureGrowth(bench: Bench): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const size of bench.options.full ? fullSizes : shortSizes) {
    if (bench.wants(nameOf(size))) findings.push(...(await measureSize(bench, size)));
  }
  return findings;
}

function nameOf({ keys, pages }: FixtureSize): string {
  return `growth: ${keys} keys${pages > 0 ? `, ${pages} coin pages` : ''}`;
}

async function measureSize(bench: Bench, size: FixtureSize): Promise<Finding[]> {
  const commandNames: readonly CommandName[] = bench.options.full
    ? ['get key', 'encrypt key 23', 'post key']
    : ['get key', 'post key'];
  const directory = bench.copyGrown(size);
  const ready: number[] = [];
  for (let start = 1; start < starts; start += 1) {
    const node = await MeasuredNode.start(directory);
    ready.push(node.readyMs);
    await node.stop();
  }
  const grown = await MeasuredNode.start(directory);
  await pause((size.keys / million) * learningMsPerMillion);
  grown.pause();
  ready.push(grown.readyMs);
  const small = await MeasuredNode.start(bench.copyBase());
  small.pause();
  const findings: Finding[] = [];
  let residentBytes = 0;
  for (const command of commandNames) {
    const wireCase = { command, type: 0, mode: 'pipelined', connections: 64 } as const;
    const subject = new NodeContender(bench, grown, wireCase, size.keys);
    const reference = new NodeContender(bench, small, wireCase, baseKeys);
    const samples = await interleave([subject, reference], bench.options.rounds, bench.options.seconds);
    const grownSamples = samples.get(subject) ?? [];
    residentBytes = Math.max(residentBytes, ...grownSamples.map((sample) => sample.residentBytes ?? 0));
    findings.push(rateFinding(`${nameOf(size)}: ${subject.name}`, grownSamples, samples.get(reference) ?? []));
  }
  bench.progress(
    `${nameOf(size)}: ${(residentBytes / 2 ** 20).toFixed(0)} MB, ready in ${median(ready).toFixed(0)} ms`,
  );
  await small.stop();
  await grown.stop();
  rmSync(directory, { recursive: true });
  return [...findings, readyFinding(size, ready), memoryFinding(size, residentBytes)];
}

function rateFinding(name: string, samples: readonly Sample[], references: readonly Sample[]): Finding {
  return {
    name,
    measure: `of the rate with ${baseKeys} keys`,
    value: medianRatio(samples, references),
    unit: 'ratio',
    nodeRate: medianRate(samples),
    ceilingRate: medianRate(references),
    goal: { text: `at least ${shareKept} of the rate`, atLeast: shareKept },
  };
}

function readyFinding(size: FixtureSize, readyMs: readonly number[]): Finding {
  return {
    name: nameOf(size),
    measure: 'from the start of the process until it listens',
    value: median(readyMs) / 1_000,
    unit: 's',
    goal: { text: `ready in under ${readyLimitSeconds} s`, atMost: readyLimitSeconds },
  };
}

function memoryFinding(size: FixtureSize, residentBytes: number): Finding {
  return {
    name: nameOf(size),
    measure: 'resident memory under load',
    value: residentBytes / 2 ** 20,
    unit: 'MB',
    goal: { text: `at most ${residentLimitMb} MB resident`, atMost: residentLimitMb },
  };
}
