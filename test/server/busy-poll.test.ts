import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BusyPoll } from '../../src/server/busy-poll.ts';
import { makeNode, serveNode, talk } from '../support/harness.ts';
import { buildRequest } from '../support/wire.ts';

/** The event loop turns for a client that asks one thing after the other, and sleeps for everybody else. */
const client = {};
const other = {};

/** A poll under a clock that stands still, and whether the loop is kept turning. */
class Watched {
  nowMs = 1_000;
  interruptions = 0;
  readonly #poll: BusyPoll;
  #looks = 0;

  constructor(count = 2) {
    this.#poll = new BusyPoll(
      () => {
        this.#looks += 1;
        return this.nowMs;
      },
      { count, interruptions: () => this.interruptions },
    );
    onTestFinished(() => {
      this.nowMs = Number.POSITIVE_INFINITY;
    });
  }

  /** Clients ask so long after the last answer, and are answered together. */
  answer(afterMs: number, ...clients: object[]): this {
    this.nowMs += afterMs;
    this.#poll.answered(clients, this.nowMs);
    return this;
  }

  async turns(): Promise<boolean> {
    const before = this.#looks;
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return this.#looks - before > 3;
  }
}

describe('the event loop', () => {
  it('turns while one client asks at once, and sleeps when it does not any more', async () => {
    const watched = new Watched().answer(0, client);
    expect(await watched.turns(), 'nothing is known of the client').toBe(false);
    expect(await watched.answer(0.2, client).turns()).toBe(true);
    watched.nowMs += 0.2;
    expect(await watched.turns()).toBe(true);
    watched.nowMs += 0.1;
    expect(await watched.turns(), 'the client is late').toBe(false);
    expect(await watched.answer(0, client).turns(), 'it has been late').toBe(false);
    expect(await watched.answer(0.1, client).turns()).toBe(true);
  });

  it('rests for a while where others need the processor', async () => {
    const watched = new Watched().answer(0, client);
    const wait = (count: number, interruptions: number, afterMs = 0.1) => {
      for (let wait = 0; wait < count; wait += 1) watched.answer(afterMs, client);
      watched.interruptions += interruptions;
      return watched.answer(afterMs, client).turns();
    };
    expect(await wait(63, 31), 'a few are nothing').toBe(true);
    expect(await wait(63, 32)).toBe(true);
    expect(await wait(63, 33)).toBe(false);
    expect(await wait(20, 0, 0.2), 'for 5 ms').toBe(false);
    watched.answer(1, client);
    expect(await wait(63, 33), 'they still do').toBe(false);
    expect(await wait(40, 0, 0.2), 'for 10 ms').toBe(false);
    watched.answer(2, client);
    expect(await wait(63, 0), 'they do not any more').toBe(true);
    expect(await wait(63, 33)).toBe(false);
    watched.answer(5, client);
    expect(await wait(1, 0), 'after 5 ms again').toBe(true);
  });

  it('does not count what was long ago', async () => {
    const watched = new Watched();
    for (let wait = 0; wait < 30; wait += 1) watched.answer(0.1, client);
    watched.interruptions += 1_000;
    watched.answer(2_000, client);
    for (let wait = 0; wait < 40; wait += 1) watched.answer(0.1, client);
    expect(await watched.turns()).toBe(true);
  });

  it('sleeps for a client that takes its time, whatever went before', async () => {
    const watched = new Watched().answer(0, client).answer(0.1, client).answer(0.3, client);
    expect(await watched.turns()).toBe(false);
  });

  it('sleeps where there are several clients, at once or in turns', async () => {
    const watched = new Watched().answer(0, client).answer(0.1, client);
    expect(await watched.turns()).toBe(true);
    expect(await watched.answer(0.1, other).turns()).toBe(false);
    expect(await watched.answer(0.1, client).turns()).toBe(false);
    expect(await watched.answer(0.1, client, other).turns()).toBe(false);
    expect(await watched.answer(0.1, client, other).turns()).toBe(false);
    expect(await watched.answer(0.1).answer(0.1).turns()).toBe(false);
  });

  it('sleeps where there is one processor', async () => {
    const watched = new Watched(1).answer(0, client).answer(0.1, client);
    expect(await watched.turns()).toBe(false);
  });

  it('is told by the server whom it has answered, and when they had asked', async () => {
    const answered = vi.spyOn(BusyPoll.prototype, 'answered');
    onTestFinished(() => answered.mockRestore());
    const { port } = await serveNode(makeNode());
    const echo = buildRequest({ group: 0, command: 0 });
    const beganMs = performance.now();
    await talk(port, [echo], 32);
    await talk(port, [echo], 32);
    const [[[first], askedFirstMs] = [[]], [[second], askedSecondMs] = [[]], ...more] = answered.mock.calls;
    expect(more).toEqual([]);
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(second === first).toBe(false);
    expect(askedFirstMs).toBeGreaterThan(beganMs);
    expect(askedSecondMs).toBeGreaterThan((askedFirstMs ?? 0) + 25);
  });
});
