import { mkdirSync, rmSync } from 'node:fs';
import { BackgroundProgram } from '../background-program.ts';
import type { Bench } from '../bench.ts';
import { type CommandName, isSentOnce, pooledRequests, type WireCase } from '../cases.ts';
import { NodeContender } from '../contenders.ts';
import type { Finding } from '../findings.ts';
import { MeasuredNode } from '../measured-node.ts';
import type { PaceResult } from '../processes/open-loop.ts';
import { median } from '../statistics.ts';

interface Paced extends PaceResult {
  /** The longest that the node's event loop was late, in milliseconds. */
  readonly stallMs: number;
}

const conditions = ['checkpoints', 'a backup', 'a forensic scan'] as const;
type Condition = (typeof conditions)[number];

const connections = 64;
const shareOfPeak = 0.5;
const tailLimit = 10;
const stallLimitMs = 20;
/** Enough for a backup and a scan to last. */
const storedKeys = 1_000_000;
const tailCommands: readonly CommandName[] = ['get key', 'post key'];

/** Latencies on a fixed schedule at half the peak rate, and how long the node's event loop stood still meanwhile. */
export async function measureTail(bench: Bench): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const command of tailCommands) {
    if (conditions.some((condition) => bench.wants(nameOf(command, condition)))) {
      findings.push(...(await measureCommand(bench, command)));
    }
  }
  return findings;
}

function nameOf(command: CommandName, condition: Condition): string {
  return `tail: ${command}, type 0, kept-alive, ${connections} connections, with ${condition}`;
}

/** The short form looks at backups and scans beside the command that writes most. */
function isBrief(bench: Bench, command: CommandName): boolean {
  return !bench.options.full && command !== 'post key';
}

async function measureCommand(bench: Bench, command: CommandName): Promise<Finding[]> {
  const directory = bench.copyGrown({ keys: storedKeys, pages: 0 });
  const node = await MeasuredNode.start(directory);
  const wireCase: WireCase = { command, type: 0, mode: 'kept-alive', connections };
  const subject = new NodeContender(bench, node, wireCase, storedKeys);
  const peaks: number[] = [];
  for (let round = 0; round < 4; round += 1) peaks.push((await subject.round(bench.options.seconds)).rate);
  const peak = median(peaks.slice(1));
  const findings: Finding[] = [];
  for (const condition of conditions) {
    const name = nameOf(command, condition);
    if (!bench.wants(name) || (isBrief(bench, command) && condition !== 'checkpoints')) continue;
    const background = startBackground(condition, directory);
    const paced: Paced[] = [];
    for (let round = 0; round < bench.options.rounds; round += 1) {
      paced.push(await pace(bench, node, wireCase, peak * shareOfPeak));
    }
    await background?.stop();
    bench.progress(`${name}: p50 ${middle(paced, 'p50').toFixed(2)} ms, p99 ${middle(paced, 'p99').toFixed(2)} ms`);
    findings.push(...findingsOf(name, condition, paced, peak));
  }
  await node.stop();
  rmSync(directory, { recursive: true });
  return findings;
}

function startBackground(condition: Condition, directory: string): BackgroundProgram | undefined {
  if (condition === 'checkpoints') return undefined;
  const backups = `${directory}/backups/`;
  mkdirSync(backups, { recursive: true });
  return new BackgroundProgram(
    condition === 'a backup'
      ? ['backup', backups, '--keep', '1', '--data', directory]
      : ['events', 'list', '--action', 'nothing', '--data', directory],
  );
}

async function pace(bench: Bench, node: MeasuredNode, wireCase: WireCase, rate: number): Promise<Paced> {
  // A second each at least: the last percent of fewer requests says nothing.
  const seconds = Math.max(1, bench.options.seconds);
  const count = isSentOnce(wireCase) ? Math.ceil(rate * seconds) + 1 : pooledRequests(wireCase);
  const packets = await bench.load.call('prepare', { wireCase, count, storedKeys });
  const plan = { packets, port: node.port, connections, rate, seconds };
  const { result, measurement } = await node.measure(() => bench.load.call('pace', plan));
  node.acknowledge(wireCase, result.acknowledged);
  return { ...result, stallMs: measurement.loopDelay.max };
}

function findingsOf(name: string, condition: Condition, paced: readonly Paced[], peak: number): Finding[] {
  const isGoal = condition === 'checkpoints';
  const rates = { nodeRate: peak * shareOfPeak, ceilingRate: peak };
  const details = {
    p50Ms: middle(paced, 'p50'),
    p99Ms: middle(paced, 'p99'),
    p999Ms: middle(paced, 'p999'),
    maxMs: Math.max(...paced.map(({ max }) => max)),
    sendDelayP99Ms: middle(paced, 'sendDelayP99'),
  };
  return [
    {
      name,
      measure: 'p99 of p50',
      value: median(paced.map(({ p50, p99 }) => p99 / p50)),
      unit: 'ratio',
      ...rates,
      goal: isGoal ? { text: `p99 at most ${tailLimit} x p50`, atMost: tailLimit } : undefined,
      details,
    },
    {
      name,
      measure: 'longest stall of the event loop',
      value: Math.max(...paced.map(({ stallMs }) => stallMs)),
      unit: 'ms',
      ...rates,
      goal: isGoal ? { text: `no stall above ${stallLimitMs} ms`, atMost: stallLimitMs } : undefined,
      details: { medianStallMs: middle(paced, 'stallMs') },
    },
  ];
}

function middle(paced: readonly Paced[], value: keyof Paced): number {
  return median(paced.map((each) => each[value]));
}
