/**
 * The entries of an index stand in partitions, by the number of the row that they are about: those of 2^20 rows together.
 * What is merged into an index shares the pages of one partition, however many there are before it. A look through an index
 * asks each partition.
 */
const partitionBits = 20;

/** Less than the number of any. */
export const beforeAllPartitions = Number.MIN_SAFE_INTEGER;

export function partitionOf(number: number): number {
  return Math.floor(number / 2 ** partitionBits);
}

/** The same in SQL, of a column. */
export function partitionSql(column: string): string {
  return `${column} >> ${partitionBits}`;
}

/** At most `count` of the numbers in a range that `select` finds, partition by partition, in the order of the search. */
export function selectInPartitions(
  { low, high }: { readonly low: number; readonly high: number },
  newestFirst: boolean,
  count: number,
  select: (partition: number, count: number) => number[],
): number[] {
  const found: number[] = [];
  const [first, last] = [partitionOf(low), partitionOf(high)];
  for (let step = 0; step <= last - first && found.length < count; step += 1) {
    found.push(...select(newestFirst ? last - step : first + step, count - found.length));
  }
  return found;
}
