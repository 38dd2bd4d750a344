/** What a condition compares with. */
export type Parameter = string | number | Buffer;

/** Conditions that all must hold, as SQL with its parameters. */
export class Conditions {
  readonly #clauses: string[] = [];
  readonly parameters: Parameter[] = [];

  add(clause: string, ...parameters: Parameter[]): void {
    this.#clauses.push(clause);
    this.parameters.push(...parameters);
  }

  get sql(): string {
    return this.#clauses.length === 0 ? 'TRUE' : this.#clauses.map((clause) => `(${clause})`).join(' AND ');
  }
}

const rowsPerPage = 500;
/** One page looks at so many rows at most, matching or not, so that a rare match never holds a read open for long. */
export const rowsLookedAt = 20_000;

/**
 * Streams rows in short reads, each a transaction of its own: memory stays bounded and a serving node's WAL is never
 * pinned. `next` reads the rows after `position` and says where the following page starts; undefined ends the stream.
 */
export function* pages<T, P>(
  start: P,
  limit: number,
  next: (position: P, count: number) => { rows: T[]; position: P | undefined },
): Generator<T> {
  let position: P | undefined = start;
  let left = limit;
  while (position !== undefined && left > 0) {
    const page: { rows: T[]; position: P | undefined } = next(position, Math.min(left, rowsPerPage));
    yield* page.rows;
    left -= page.rows.length;
    position = page.position;
  }
}
