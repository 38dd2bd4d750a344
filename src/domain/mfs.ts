/** Months from start: the month a coin record was last written, counted from February 2023 (March 2023 is 1), UTC. */
export const mfsFree = 0;

const startYear = 2023;
const startMonthIndex = 1;
const mfsMin = 1;
const mfsMax = 255;

/** Held to 1..255: 0 means free, so a coin written today must never get it (Q11). */
export function mfsAt(timeMs: number): number {
  const time = new Date(timeMs);
  const months = (time.getUTCFullYear() - startYear) * 12 + time.getUTCMonth() - startMonthIndex;
  return Math.min(Math.max(months, mfsMin), mfsMax);
}
