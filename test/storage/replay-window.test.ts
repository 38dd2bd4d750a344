import { expect, it } from 'vitest';
import { ReplayWindow } from '../../src/storage/replay-window.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** What the memory of requests keeps: the newest 65,536, however many were undone since. */
const answered = { time: 1, status: 250, payload: Buffer.from('answer') };
const body = Buffer.from('body');
const requestOf = (number: number) => {
  const identity = Buffer.alloc(34);
  identity.writeUInt32BE(number, 15);
  return { identity, body };
};

it('keeps what was committed, however many requests are undone after it', () => {
  const replays = new ReplayWindow(openBeside(makeNode()));
  replays.remember(requestOf(0), answered, false);
  replays.commit();
  for (let batch = 0; batch < 500; batch += 1) {
    for (let place = 1; place <= 256; place += 1) replays.remember(requestOf(batch * 256 + place), answered, false);
    replays.rollBackTo(0);
  }
  expect(replays.look(requestOf(0))).toEqual({ kind: 'same', answered });
  expect(replays.look(requestOf(1))).toEqual({ kind: 'new' });
});

it('keeps the newest 65,536, and not many more', () => {
  const replays = new ReplayWindow(openBeside(makeNode()));
  const count = 250_000;
  for (let number = 0; number < count; number += 1) {
    replays.remember(requestOf(number), answered, false);
    replays.commit();
  }
  const isKnown = (number: number) => replays.look(requestOf(number)).kind === 'same';
  for (let number = count - 65_536; number < count; number += 1) {
    if (!isKnown(number)) expect.unreachable(`request ${number} is forgotten`);
  }
  for (let number = 0; number < count - 98_305; number += 1_001) expect(isKnown(number)).toBe(false);
});
