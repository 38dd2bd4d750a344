import { onTestFinished } from 'vitest';
import { JoinedValues } from '../../src/storage/joined-values.ts';
import { ReadAhead } from '../../src/storage/read-ahead.ts';
import { SharedRows } from '../../src/storage/shared-rows.ts';
import type { Store } from '../../src/storage/store.ts';

/** What the thread may take until it reads the first row. */
const startMs = 3_000;

/** Every row that is asked for is waited for, so that it was read before anything else happens; and all are counted. */
export class PatientRows extends SharedRows {
  asked = 0;
  handedOver = 0;
  readonly #patienceMs: number;
  readonly #values = new JoinedValues();
  readonly #nothing = new Int32Array(new SharedArrayBuffer(4));
  #row = 0;
  #isUnderWay = false;

  /** A row that is not there is not waited for any longer than this. */
  constructor(patienceMs: number) {
    super();
    this.#patienceMs = patienceMs;
  }

  override begin(): void {
    this.#row = 0;
    super.begin();
  }

  override ask(number: number): boolean {
    const row = this.#row;
    const isAsked = super.ask(number);
    this.#row += 1;
    this.asked += 1;
    const patienceMs = this.#isUnderWay ? this.#patienceMs : startMs;
    for (let waitedMs = 0; waitedMs < patienceMs && !super.readInto(this.#values, row); waitedMs += 1) {
      Atomics.wait(this.#nothing, 0, 0, 1);
    }
    this.#isUnderWay = true;
    return isAsked;
  }

  override readInto(values: JoinedValues, row: number): boolean {
    const isThere = super.readInto(values, row);
    if (isThere) this.handedOver += 1;
    return isThere;
  }
}

/** Has keys of a store read ahead, however few there are. */
export function readAheadPatiently(store: Store, file: string, patienceMs = 3_000): PatientRows {
  const rows = new PatientRows(patienceMs);
  const failures: Error[] = [];
  const ahead = new ReadAhead(file, (error) => failures.push(error), rows);
  store.read(({ chatKeys }) => chatKeys.readAheadBy(ahead));
  onTestFinished(async () => {
    await ahead.stop();
    if (failures.length > 0) throw new Error('keys were not read ahead', { cause: failures[0] });
  });
  return rows;
}
