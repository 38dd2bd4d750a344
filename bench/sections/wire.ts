import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, baseKeys } from '../bench.ts';
import { caseName, type WireCase } from '../cases.ts';
import { BareContender, CommittingContender, ComputationContender, SqliteContender } from '../ceilings.ts';
import { type Contender, NodeContender, type Sample } from '../contenders.ts';
import type { Finding } from '../findings.ts';
import { interleave, meanBatch, medianCpu, medianRate, medianRatio } from '../interleave.ts';
import { MeasuredNode } from '../measured-node.ts';
import { median } from '../statistics.ts';
import { fullGroups, shortGroups, typeGoals, type WireGroup } from './wire-groups.ts';

/** The wire against its ceilings: a bare server, and SQLite without a server. */
export async function measureWire(bench: Bench): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const group of bench.options.full ? fullGroups() : shortGroups) {
    const cases = casesOf(group).filter((wireCase) => bench.wants(caseName(wireCase)));
    if (cases.length > 0) findings.push(...(await measureGroup(bench, group, cases)));
  }
  return findings;
}

function casesOf({ command, mode, connections, types, mixed = [] }: WireGroup): WireCase[] {
  return [
    ...types.map((type) => ({ command, type, mode, connections })),
    ...mixed.map((type) => ({ command, type, mode, connections, mixesCoins: true })),
  ];
}

async function measureGroup(bench: Bench, group: WireGroup, cases: readonly WireCase[]): Promise<Finding[]> {
  const { rounds, seconds } = bench.options;
  const node = await MeasuredNode.start(bench.copyBase());
  const subjects = cases.map((wireCase) => new NodeContender(bench, node, wireCase, baseKeys));
  const [first] = subjects;
  if (first === undefined) return [];
  for (const subject of subjects) await subject.probe();
  const bare = new BareContender(bench, first.wireCase, baseKeys);
  const alone =
    group.ceilings['better-sqlite3 alone'] && (await SqliteContender.start(bench.copyBase(), first, baseKeys));
  const isOneAtATime = group.connections === 1 && group.mode === 'kept-alive';
  const committing = alone && isOneAtATime && (await CommittingContender.start(bench, first.wireCase, baseKeys));
  const ceilings: Contender[] = [
    ...(alone ? [alone] : []),
    ...(group.ceilings['bare server'] ? [bare] : []),
    ...(committing ? [committing] : []),
  ];
  const hasMixed = cases.some(({ mixesCoins }) => mixesCoins);
  const computes =
    group.mode === 'pipelined' && !group.command.startsWith('decrypt') && (bench.options.full || !hasMixed);
  const computed = computes ? subjects.filter(({ wireCase }) => wireCase.mixesCoins !== true) : [];
  const computations = computed.map(({ wireCase }) => new ComputationContender(bench, wireCase));
  const contenders = [first, ...ceilings, ...subjects.slice(1), ...computations];
  const samples = await interleave(contenders, rounds, seconds);
  const of = (contender: Contender) => samples.get(contender) ?? [];
  for (const contender of [first, ...ceilings, ...subjects.slice(1)]) {
    bench.progress(line(contender, of(contender), first));
  }
  if (bench.options.profile) await profileAll(bench, subjects);
  await node.stop();
  await alone?.stop();
  if (committing) await committing.stop();

  const findings = ceilings.map((ceiling) => against(group, first, of(first), ceiling, of(ceiling)));
  for (const [index, computation] of computations.entries()) {
    const subject = subjects[index] ?? first;
    findings.push(against(group, subject, of(subject), computation, of(computation)));
  }
  for (const subject of subjects.slice(1)) findings.push(againstType0(first, subject, of(first), of(subject)));
  if (alone && group.ceilings['bare server'] && isOneAtATime) {
    findings.push(againstParts(first, of(first), of(alone), of(bare)));
  }
  return findings;
}

function against(
  group: WireGroup,
  subject: NodeContender,
  samples: readonly Sample[],
  ceiling: Contender,
  ceilingSamples: readonly Sample[],
): Finding {
  const goal = group.ceilings[ceiling.name as keyof WireGroup['ceilings']];
  return {
    name: subject.name,
    measure: `of ${ceiling.name}`,
    value: medianRatio(samples, ceilingSamples),
    unit: 'ratio',
    nodeRate: medianRate(samples),
    ceilingRate: medianRate(ceilingSamples),
    goal: goal === 'no goal' || subject.wireCase.type !== 0 ? undefined : goal,
    details: detailsOf(samples, ceilingSamples),
  };
}

function againstType0(
  plain: NodeContender,
  subject: NodeContender,
  plainSamples: readonly Sample[],
  samples: readonly Sample[],
): Finding {
  return {
    name: subject.name,
    measure: `of type ${plain.wireCase.type}`,
    value: medianRatio(samples, plainSamples),
    unit: 'ratio',
    nodeRate: medianRate(samples),
    ceilingRate: medianRate(plainSamples),
    goal: hasTypeGoal(plain.wireCase, subject.wireCase) ? typeGoals[subject.wireCase.type] : undefined,
    details: detailsOf(samples, plainSamples),
  };
}

function hasTypeGoal({ type, mode, connections }: WireCase, { mixesCoins }: WireCase): boolean {
  return type === 0 && mode === 'pipelined' && connections === 64 && mixesCoins !== true;
}

/** One request at a time: its duration against those of its parts, a commit and a round trip. */
function againstParts(
  subject: NodeContender,
  samples: readonly Sample[],
  commits: readonly Sample[],
  roundTrips: readonly Sample[],
): Finding {
  const partsMs = (round: number) =>
    1_000 / (commits[round]?.rate ?? Number.NaN) + 1_000 / (roundTrips[round]?.rate ?? Number.NaN);
  return {
    name: subject.name,
    measure: 'time, of commit and bare round trip',
    value: median(samples.map(({ rate }, round) => 1_000 / rate / partsMs(round))),
    unit: 'ratio',
    nodeRate: medianRate(samples),
    ceilingRate: 1_000 / median(samples.map((_, round) => partsMs(round))),
    goal:
      subject.wireCase.command === 'post key'
        ? { text: 'within 1.3 of commit + bare round trip', atMost: 1.3 }
        : undefined,
  };
}

function detailsOf(samples: readonly Sample[], ceilingSamples: readonly Sample[]): Record<string, number> {
  const details = {
    meanBatch: meanBatch(samples),
    nodeCpuUs: medianCpu(samples),
    ceilingCpuUs: medianCpu(ceilingSamples),
  };
  return Object.fromEntries(Object.entries(details).filter(([, value]) => !Number.isNaN(value)));
}

function line(contender: Contender, samples: readonly Sample[], first: Contender): string {
  const name = contender instanceof NodeContender ? contender.name : `  ${contender.name} beside ${first.name}`;
  return `${name}: ${Math.round(medianRate(samples))}/s`;
}

async function profileAll(bench: Bench, subjects: readonly NodeContender[]): Promise<void> {
  const folder = join(bench.options.output, 'profiles');
  mkdirSync(folder, { recursive: true });
  for (const subject of subjects) {
    const file = join(folder, `${subject.name.replaceAll(/[^a-z0-9]+/gi, '-')}.cpuprofile`);
    await subject.profile(file, bench.options.seconds);
  }
}
