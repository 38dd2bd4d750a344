const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Reads a point in time: ISO 8601 (a time without an offset is UTC) or a distance such as `2h ago`. Milliseconds since
 * 1970; undefined for anything else.
 */
export function parseTime(text: string, now: number): number | undefined {
  const distance = /^(\d+)\s*([smhdw])(?:\s+ago)?$/.exec(text.trim());
  if (distance !== null) return now - Number(distance[1]) * (unitMs[distance[2] ?? ''] ?? 0);
  if (!/^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text))
    return undefined;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) || text.length === 10 ? text : `${text}Z`;
  const time = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(time) ? undefined : time;
}

/** Reads a span such as `90s`, `10m`, `24h`, `30d`; milliseconds, undefined for anything else. */
export function parseSpan(text: string): number | undefined {
  const match = /^(\d+)\s*([smhdw])$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
}
