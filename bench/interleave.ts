import type { Contender, Sample } from './contenders.ts';
import { median } from './statistics.ts';

const warmUpSeconds = 0.25;

/** Rounds of all contenders in turns, after one of each that does not count: noise of the machine meets all alike. */
export async function interleave(
  contenders: readonly Contender[],
  rounds: number,
  seconds: number,
): Promise<Map<Contender, Sample[]>> {
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  for (const contender of contenders) await contender.round(warmUpSeconds);
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of contenders) await contender.prepare?.(seconds);
    for (const contender of contenders) samples.get(contender)?.push(await contender.round(seconds));
  }
  return samples;
}

/** The middle one of the ratios of all rounds, each made of two neighbours in time. */
export function medianRatio(subjects: readonly Sample[], ceilings: readonly Sample[]): number {
  return median(subjects.map(({ rate }, round) => rate / (ceilings[round]?.rate ?? Number.NaN)));
}

export function medianRate(samples: readonly Sample[]): number {
  return median(samples.map(({ rate }) => rate));
}

export function medianCpu(samples: readonly Sample[]): number {
  return median(samples.flatMap(({ cpuUs }) => cpuUs ?? []));
}

/** Requests of a commit, on average over all rounds. */
export function meanBatch(samples: readonly Sample[]): number {
  const batches = samples.flatMap((sample) => sample.batches ?? []);
  return batches.reduce((total, batch) => total + batch, 0) / batches.length;
}
