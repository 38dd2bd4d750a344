import { describe, expect, it } from 'vitest';
import { JoinedValues } from '../../src/storage/joined-values.ts';
import { rowsMax, SharedRows } from '../../src/storage/shared-rows.ts';

/**
 * Two threads and one memory: nothing is handed over but what was read for the latest task. What the asking thread does in
 * between is done here in the middle of a read, which is as unsuited a moment as there is.
 */
const hexadecimal = (text: string) => Buffer.from(text).toString('hex');

function found(rows: SharedRows, row: number): string | undefined {
  const values = new JoinedValues();
  return rows.readInto(values, row) ? values.blob(1_000).toString() : undefined;
}

/** Lets the reading thread do what it has to, until nothing is left, and returns the numbers that it read. */
function answerAll(rows: SharedRows, read: (number: number) => string | undefined): number[] {
  const asked: number[] = [];
  const pause = new Error('nothing left');
  try {
    rows.answer(
      (readRows) => {
        readRows();
        throw pause;
      },
      (number) => {
        asked.push(number);
        return read(number);
      },
    );
  } catch (error) {
    if (error !== pause) throw error;
  }
  return asked;
}

const rowOf = (number: number) => hexadecimal(`row ${number}`);

function asking(...numbers: number[]): SharedRows {
  const rows = new SharedRows();
  rows.begin();
  for (const number of numbers) rows.ask(number);
  return rows;
}

describe('rows that are shared', () => {
  it('are handed over when they were read, in either thread', () => {
    const rows = asking(7, 8);
    expect([found(rows, 0), found(rows, 1)]).toEqual([undefined, undefined]);
    expect(answerAll(new SharedRows(rows.memory), rowOf)).toEqual([7, 8]);
    expect([found(rows, 0), found(rows, 1), found(rows, 2)]).toEqual(['row 7', 'row 8', undefined]);
  });

  it('are not handed over for another task, whose rows have other numbers', () => {
    const rows = asking(7);
    answerAll(rows, rowOf);
    rows.begin();
    rows.ask(9);
    expect(found(rows, 0)).toBeUndefined();
    answerAll(rows, rowOf);
    expect(found(rows, 0)).toBe('row 9');
  });

  it('are not handed over where the next task began while they were read', () => {
    const rows = asking(7, 8);
    const read = answerAll(rows, (number) => {
      rows.begin();
      rows.ask(7);
      return hexadecimal(`${number} as it was`);
    });
    expect(read, 'the rest of the task is of no use').toEqual([7]);
    expect(found(rows, 0)).toBeUndefined();
    answerAll(rows, () => hexadecimal('as it is'));
    expect(found(rows, 0)).toBe('as it is');
  });

  it('are read as soon as they are asked for, also those that come while others are read', () => {
    const rows = asking(1);
    const read = answerAll(rows, (number) => {
      if (number < 5) rows.ask(number + 1);
      return rowOf(number);
    });
    expect(read).toEqual([1, 2, 3, 4, 5]);
    expect(found(rows, 4)).toBe('row 5');
  });

  it('are left out where they come too late, and some more so that others are in time', () => {
    const rows = asking(...Array.from({ length: 30 }, (_, index) => index));
    const read = answerAll(rows, (number) => {
      if (number === 2) rows.pass(10);
      return rowOf(number);
    });
    expect(read.slice(0, 3)).toEqual([0, 1, 2]);
    expect(read[3]).toBeGreaterThan(10);
    expect(read.slice(3)).toEqual(Array.from({ length: 30 - (read[3] ?? 0) }, (_, index) => (read[3] ?? 0) + index));
    expect(found(rows, 5)).toBeUndefined();
  });

  it('are left out where there are none, or too large ones', () => {
    const rows = asking(1, 2, 3);
    answerAll(rows, (number) => [undefined, 'aa'.repeat(513), 'bb'.repeat(512)][number - 1]);
    expect([found(rows, 0), found(rows, 1)]).toEqual([undefined, undefined]);
    expect(found(rows, 2)).toHaveLength(512);
  });

  it('are as many as there is room for', () => {
    const rows = asking();
    for (let number = 0; number < rowsMax; number += 1) expect(rows.ask(number)).toBe(true);
    expect(rows.ask(rowsMax)).toBe(false);
    expect(answerAll(rows, rowOf)).toHaveLength(rowsMax);
    expect(found(rows, rowsMax - 1)).toBe(`row ${rowsMax - 1}`);
  });

  it('are told apart when tasks are counted anew', () => {
    const rows = asking(7);
    answerAll(rows, rowOf);
    expect(found(rows, 0)).toBe('row 7');
    new Int32Array(rows.memory)[0] = 2 ** 30;
    rows.begin();
    rows.ask(8);
    expect(found(rows, 0), 'the first task of all had the same number').toBeUndefined();
    answerAll(rows, rowOf);
    expect(found(rows, 0)).toBe('row 8');
  });

  it('are read until the end is told', () => {
    const rows = asking(1, 2, 3);
    const read: number[] = [];
    rows.answer(
      (readRows) => readRows(),
      (number) => {
        read.push(number);
        if (number === 2) rows.stop();
        return rowOf(number);
      },
    );
    expect(read).toEqual([1, 2]);
    rows.begin();
    rows.ask(4);
    expect(found(rows, 3), 'there are no tasks after it').toBeUndefined();
    expect(answerAll(rows, rowOf)).toEqual([]);
  });
});
