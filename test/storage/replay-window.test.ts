import { expect, it } from 'vitest';
import { sliceOf } from '../../src/bytes/slice.ts';
import { ReplayWindow } from '../../src/storage/replay-window.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** What the memory of requests keeps: the newest 65,536, however many were undone since. */
const answered = { time: 1, status: 250, payload: Buffer.from('answer') };
const body = sliceOf(Buffer.from('body'));
const requestOf = (number: number) => {
  const identity = Buffer.alloc(34);
  identity.writeUInt32BE(number, 15);
  return { identity, body, hmac: undefined };
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

it('stores what wrote and was not undone, for those who come later', () => {
  const database = openBeside(makeNode());
  const replays = new ReplayWindow(database);
  replays.remember(requestOf(1), answered, true);
  replays.remember(requestOf(2), answered, false);
  const mark = replays.mark;
  replays.remember(requestOf(3), answered, false);
  replays.remember(requestOf(4), answered, true);
  replays.rollBackTo(mark);
  replays.remember(requestOf(5), answered, true);
  replays.store();
  replays.commit();
  replays.remember(requestOf(6), answered, true);
  replays.rollBackTo(0);
  replays.store();
  replays.commit();
  const numbers = database.prepare('SELECT number FROM authenticated_requests').pluck().all();
  expect(numbers).toEqual([2]);
  const later = new ReplayWindow(database);
  expect([1, 2, 3, 4, 5, 6].filter((number) => later.look(requestOf(number)).kind === 'same')).toEqual([1, 5]);
});

it.each([
  ['an HMAC', Buffer.alloc(32, 7)],
  ['no HMAC', undefined],
])('knows a request that wrote by its body, also later, where it has %s', (_, hmac) => {
  const database = openBeside(makeNode());
  const replays = new ReplayWindow(database);
  const request = { ...requestOf(1), hmac };
  replays.remember(request, answered, true);
  replays.store();
  replays.commit();
  const changed = { ...request, body: sliceOf(Buffer.from('others')), hmac: hmac && Buffer.alloc(32, 8) };
  for (const window of [replays, new ReplayWindow(database)]) {
    expect(window.look(request)).toEqual({ kind: 'same', answered });
    expect(window.look(changed)).toEqual({ kind: 'other' });
  }
});
