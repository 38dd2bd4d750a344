import type { Bench } from '../bench.ts';
import { baseKeys } from '../bench.ts';
import type { WireCase } from '../cases.ts';
import { Child } from '../child.ts';
import { NodeContender } from '../contenders.ts';
import type { Finding } from '../findings.ts';
import { interleave, medianRate, medianRatio } from '../interleave.ts';
import { MeasuredNode } from '../measured-node.ts';
import type { LoadCalls } from '../processes/load-generator.ts';

const idleConnections = 5_000;
const kilobytesEach = 8;
/** What the requests of others may lose before they count as harmed. */
const unharmed = 0.9;
const name = `idle: ${idleConnections} connections that say nothing`;

/** What connections cost that are only open: memory, and time of those that are busy. */
export async function measureIdle(bench: Bench): Promise<Finding[]> {
  if (!bench.wants(name)) return [];
  const wireCase: WireCase = { command: 'echo', type: 0, mode: 'kept-alive', connections: 64 };
  const alone = new NodeContender(bench, await MeasuredNode.start(bench.copyBase()), wireCase, baseKeys);
  alone.node.pause();
  const crowded = new NodeContender(bench, await MeasuredNode.start(bench.copyBase()), wireCase, baseKeys);
  // Not a whole round: what it leaves free in the heap would hide what connections take.
  await crowded.probe();
  const before = await crowded.node.residentBytes();
  const holder = Child.start<LoadCalls>('load-generator');
  await holder.call('hold', { port: crowded.node.port, connections: idleConnections });
  const after = await crowded.node.residentBytes();
  const samples = await interleave([crowded, alone], bench.options.rounds, bench.options.seconds);
  const crowdedSamples = samples.get(crowded) ?? [];
  const aloneSamples = samples.get(alone) ?? [];
  await holder.stop();
  await Promise.all([crowded.node.stop(), alone.node.stop()]);
  const each = (after - before) / idleConnections / 1_024;
  bench.progress(`${name}: ${each.toFixed(1)} KB each`);
  return [
    {
      name,
      measure: 'resident memory of each',
      value: each,
      unit: 'KB',
      goal: { text: `at most ${kilobytesEach} KB each`, atMost: kilobytesEach },
    },
    {
      name,
      measure: 'echo, kept-alive, 64 busy connections, of the rate without them',
      value: medianRatio(crowdedSamples, aloneSamples),
      unit: 'ratio',
      nodeRate: medianRate(crowdedSamples),
      ceilingRate: medianRate(aloneSamples),
      goal: { text: `busy ones unharmed: at least ${unharmed}`, atLeast: unharmed },
    },
  ];
}
