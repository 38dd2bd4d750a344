import { performance } from 'node:perf_hooks';
import { programVersion } from '../src/version.ts';
import { Bench } from './bench.ts';
import type { Finding } from './findings.ts';
import { describeMachine } from './machine.ts';
import type { Options } from './options.ts';
import { writeReport } from './report.ts';
import { measureDisk } from './sections/disk.ts';
import { measureGrowth } from './sections/growth.ts';
import { measureIdle } from './sections/idle.ts';
import { measureTail } from './sections/tail.ts';
import { measureWire } from './sections/wire.ts';

const sections = [measureWire, measureTail, measureGrowth, measureDisk, measureIdle];

/** Runs everything that the options ask for; returns the results as Markdown, which are written as well. */
export async function runSuite(options: Options, root: string): Promise<string> {
  const began = performance.now();
  const bench = await Bench.start(options, root);
  try {
    const machine = describeMachine(bench.directory);
    const findings: Finding[] = [];
    for (const measure of sections) findings.push(...(await measure(bench)));
    const { full, rounds, seconds, pattern } = options;
    return writeReport(
      {
        made: new Date().toISOString().slice(0, 10),
        version: programVersion,
        machine,
        options: { full, rounds, seconds, case: pattern.source },
        durationSeconds: (performance.now() - began) / 1_000,
        findings,
      },
      options.output,
    );
  } finally {
    await bench.stop();
  }
}
