/** Row numbers, both ends included. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

/** A search through rows by ascending number whose indexes follow the table and have not reached its end yet. */
export interface SpanSearch<Row> {
  readonly newestFirst: boolean;
  /** Numbers of the first and the last row that can fit. */
  readonly span: Span;
  /** Up to where the indexes are complete. */
  readonly through: number;
  /** The next numbers that an index names within a span, in the order of the search; absent where none is of use. */
  readonly candidates?: ((span: Span, count: number) => number[]) | undefined;
  /** The rows with these numbers that fit, in the order of the search. */
  fetch(numbers: readonly number[]): Row[];
  /** The rows of a span that fit, in the order of the search, at most `count`. */
  scan(span: Span, count: number): Row[];
  /** What is left of a span when stretches at its start are passed over that hold nothing; undefined where all does. */
  skip?: ((span: Span) => Span | undefined) | undefined;
  numberOf(row: Row): number;
}

const candidatesPerRead = 1_000;
const rowsPerRead = 500;
/** One read looks at so many rows at most, matching or not, so that a rare match never holds a read open for long. */
const rowsLookedAt = 20_000;

/**
 * Streams the rows that fit, in short reads, each a transaction of its own: memory stays bounded and a serving node's WAL is
 * never pinned. Indexes answer as far as they reach; what comes after them is read row by row.
 */
export function* searchSpans<Row>(search: SpanSearch<Row>, limit: number): Generator<Row> {
  const { span, through, newestFirst } = search;
  const indexed = { low: span.low, high: Math.min(span.high, through) };
  const recent = { low: Math.max(span.low, through + 1), high: span.high };
  const parts = [
    () => (search.candidates === undefined ? scanned(search, indexed) : fetched(search, indexed)),
    () => scanned(search, recent),
  ];
  if (newestFirst) parts.reverse();
  let left = limit;
  for (const part of parts) {
    for (const rows of part()) {
      yield* rows.slice(0, left);
      left -= rows.length;
      if (left <= 0) return;
    }
  }
}

function* fetched<Row>(search: SpanSearch<Row>, span: Span): Generator<Row[]> {
  let rest: Span | undefined = span;
  while (rest !== undefined && rest.low <= rest.high) {
    const numbers: number[] = search.candidates?.(rest, candidatesPerRead) ?? [];
    yield search.fetch(numbers);
    const last = numbers.at(-1);
    rest = numbers.length < candidatesPerRead || last === undefined ? undefined : restAfter(rest, last, search);
  }
}

function* scanned<Row>(search: SpanSearch<Row>, span: Span): Generator<Row[]> {
  let rest = skipped(search, span);
  while (rest !== undefined) {
    const stretch = search.newestFirst
      ? { low: Math.max(rest.low, rest.high - rowsLookedAt + 1), high: rest.high }
      : { low: rest.low, high: Math.min(rest.high, rest.low + rowsLookedAt - 1) };
    const rows = search.scan(stretch, rowsPerRead);
    yield rows;
    const last = rows.length === rowsPerRead ? rows.at(-1) : undefined;
    const end = last === undefined ? (search.newestFirst ? stretch.low : stretch.high) : search.numberOf(last);
    rest = skipped(search, restAfter(rest, end, search));
  }
}

function restAfter({ low, high }: Span, end: number, { newestFirst }: { newestFirst: boolean }): Span {
  return newestFirst ? { low, high: end - 1 } : { low: end + 1, high };
}

function skipped<Row>(search: SpanSearch<Row>, span: Span): Span | undefined {
  if (span.low > span.high) return undefined;
  const rest = search.skip === undefined ? span : search.skip(span);
  return rest === undefined || rest.low > rest.high ? undefined : rest;
}
