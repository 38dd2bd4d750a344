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
