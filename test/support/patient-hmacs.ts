import { onTestFinished } from 'vitest';
import { SharedHmacs } from '../../src/protocol/shared-hmacs.ts';
import { HmacThread } from '../../src/server/hmac-thread.ts';

/** What the thread may take until it computes the first HMAC. */
const startMs = 3_000;

/** Every HMAC that is asked for is waited for, so that it was computed before anything else happens; and all are counted. */
export class PatientHmacs extends SharedHmacs {
  asked = 0;
  handedOver = 0;
  readonly #nothing = new Int32Array(new SharedArrayBuffer(4));

  override ask(key: Buffer, source: Buffer, start: number, size: number): number | undefined {
    const place = super.ask(key, source, start, size);
    if (place === undefined) return undefined;
    this.asked += 1;
    for (let waitedMs = 0; waitedMs < startMs && super.at(place) === undefined; waitedMs += 1) {
      Atomics.wait(this.#nothing, 0, 0, 1);
    }
    return place;
  }

  override at(place: number): Buffer | undefined {
    const hmac = super.at(place);
    if (hmac !== undefined) this.handedOver += 1;
    return hmac;
  }
}

/** A thread that computes HMACs, and is waited for. */
export function startHmacThread(): { thread: HmacThread; hmacs: PatientHmacs } {
  const hmacs = new PatientHmacs();
  const failures: Error[] = [];
  const thread = new HmacThread((error) => failures.push(error), hmacs);
  onTestFinished(async () => {
    await thread.stop();
    if (failures.length > 0) throw new Error('HMACs were not computed', { cause: failures[0] });
  });
  return { thread, hmacs };
}
