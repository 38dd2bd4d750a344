import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hmacsMax, SharedHmacs } from '../../src/protocol/shared-hmacs.ts';

/**
 * Two threads and one memory: an HMAC that is handed over is that of the text and the key that were asked for, in the latest
 * task. Both threads are this one here: the computing one ends as soon as it would sleep.
 */
/** How often a computing thread looks at the control words until it reads its first question. */
const looksBefore = 6;
const keyOf = (number: number) => Buffer.alloc(32, number);
const expected = (key: Buffer, text: Buffer) => createHmac('sha256', key).update(text).digest();

/** Lets the computing thread do what it has to, until nothing is left; each time that it would sleep, the next step comes. */
function computeAll(hmacs: SharedHmacs, ...steps: (() => void)[]): void {
  const { wait } = Atomics;
  const asleep = new Error('nothing left');
  Atomics.wait = () => {
    const step = steps.shift();
    if (step === undefined) throw asleep;
    step();
    return 'ok';
  };
  try {
    new SharedHmacs(hmacs.memory).compute();
  } catch (error) {
    if (error !== asleep) throw error;
  } finally {
    Atomics.wait = wait;
  }
}

describe('HMACs that are shared', () => {
  it("are the library's, whatever keys and texts follow each other, and wherever those stand", () => {
    const bytes = (minLength: number, maxLength: number) =>
      fc.uint8Array({ minLength, maxLength }).map((values) => Buffer.from(values));
    const question = fc.record({ key: fc.nat(2), text: bytes(1, 256), before: bytes(0, 70), behind: bytes(0, 70) });
    const keys = [0, 1, 2].map(keyOf);
    const hmacs = new SharedHmacs();
    fc.assert(
      fc.property(fc.array(question, { maxLength: 20 }), (questions) => {
        hmacs.begin();
        const places = questions.map(({ key, text, before, behind }) =>
          hmacs.ask(keys[key] ?? keyOf(0), Buffer.concat([before, text, behind]), before.length, text.length),
        );
        for (const place of places) expect(hmacs.at(place ?? -1)).toBeUndefined();
        computeAll(hmacs);
        const found = places.map((place) => hmacs.at(place ?? -1));
        expect(found).toEqual(questions.map(({ key, text }) => expected(keyOf(key), text)));
      }),
      { numRuns: 300 },
    );
  });

  it('are not handed over for another task', () => {
    const hmacs = new SharedHmacs();
    hmacs.begin();
    hmacs.ask(keyOf(1), Buffer.from('one'), 0, 3);
    computeAll(hmacs);
    hmacs.begin();
    expect(hmacs.ask(keyOf(1), Buffer.from('two'), 0, 3)).toBe(0);
    expect(hmacs.at(0)).toBeUndefined();
    computeAll(hmacs);
    expect(hmacs.at(0)).toEqual(expected(keyOf(1), Buffer.from('two')));
  });

  it('are those of the key that was asked for, where a task began while the one before was computed', () => {
    const hmacs = new SharedHmacs();
    const text = Buffer.from('one');
    const late = keyOf(2);
    hmacs.begin();
    hmacs.ask(keyOf(1), text, 0, 3);
    // Between the number of the key and the key itself.
    const askInPart = () => {
      const interrupted = new Error('in the middle of asking');
      const failing = {
        configurable: true,
        get: () => {
          throw interrupted;
        },
      };
      hmacs.begin();
      Object.defineProperty(late, 'length', failing);
      expect(() => hmacs.ask(late, text, 0, 3)).toThrow(interrupted);
      Reflect.deleteProperty(late, 'length');
    };
    const { load } = Atomics;
    let looks = 0;
    const whileLooking = ((words: Int32Array, index: number) => {
      const found = load(words, index);
      looks += 1;
      if (looks === looksBefore) {
        Atomics.load = load;
        askInPart();
      }
      return found;
    }) as typeof load;
    onTestFinished(() => {
      Atomics.load = load;
    });
    Atomics.load = whileLooking;
    computeAll(hmacs, () => hmacs.ask(late, text, 0, 3));
    expect(looks).toBe(looksBefore);
    expect(hmacs.at(0)).toEqual(expected(late, text));
  });

  it('are asked for as long as there is room, of texts that are short and not empty', () => {
    const hmacs = new SharedHmacs();
    const text = Buffer.alloc(257, 7);
    hmacs.begin();
    expect([hmacs.ask(keyOf(1), text, 0, 0), hmacs.ask(keyOf(1), text, 0, 257)]).toEqual([undefined, undefined]);
    for (let place = 0; place < hmacsMax; place += 1) expect(hmacs.ask(keyOf(place % 256), text, 1, 256)).toBe(place);
    expect(hmacs.ask(keyOf(1), text, 0, 1)).toBeUndefined();
    computeAll(hmacs);
    const last = hmacsMax - 1;
    expect(hmacs.at(0)).toEqual(expected(keyOf(0), text.subarray(1)));
    expect(hmacs.at(last)).toEqual(expected(keyOf(last % 256), text.subarray(1)));
  });

  it('are left out where they are not needed any more', () => {
    const hmacs = new SharedHmacs();
    hmacs.begin();
    for (let place = 0; place < 20; place += 1) hmacs.ask(keyOf(1), Buffer.from([place]), 0, 1);
    hmacs.pass(10);
    computeAll(hmacs);
    expect([hmacs.at(5), hmacs.at(9)]).toEqual([undefined, undefined]);
    expect(hmacs.at(19)).toEqual(expected(keyOf(1), Buffer.from([19])));
  });
});
