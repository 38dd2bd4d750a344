import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Reading } from '../../src/server/reading.ts';

/** Who reads, however slowly, is never taken for one who does not. */
class FakeSocket {
  writableLength = 0;
  bytesWritten = 0;

  get reading(): Reading {
    return new Reading(this as unknown as Socket);
  }
}

describe('reading', () => {
  it('stalls while the system has no room for replies, until all are sent', () => {
    const socket = new FakeSocket();
    const { reading } = socket;
    expect(reading.stalledForMs(0)).toBe(0);
    socket.writableLength = 100;
    expect(reading.stalledForMs(50)).toBe(0);
    expect(reading.stalledForMs(4_100)).toBe(4_050);
    socket.writableLength = 0;
    reading.noteSent();
    socket.writableLength = 200;
    expect(reading.stalledForMs(4_150)).toBe(0);
  });

  it('stalls where much is unread and nothing more is taken', () => {
    const socket = new FakeSocket();
    const { reading } = socket;
    socket.bytesWritten = 100_000;
    expect(reading.mayBeBehind).toBe(true);
    reading.noteUnread(60_000, 100_000, 1_000);
    expect(reading.stalledForMs(1_000), 'it had taken 40,000 meanwhile').toBe(0);
    reading.noteUnread(60_000, 100_000, 2_000);
    reading.noteUnread(60_000, 100_000, 3_000);
    expect(reading.stalledForMs(5_000)).toBe(3_000);
    reading.noteUnread(50_000, 100_000, 5_000);
    expect(reading.stalledForMs(5_000)).toBe(0);
  });

  it('goes on for who takes little each time, and where little is unread', () => {
    const { reading } = new FakeSocket();
    for (let second = 1; second < 20; second += 1) {
      reading.noteUnread(500_000 - second * 2_500, 500_000, second * 1_000);
      expect(reading.stalledForMs(second * 1_000)).toBeLessThanOrEqual(1_000);
    }
    const { reading: slowLine } = new FakeSocket();
    for (let second = 1; second < 20; second += 1) slowLine.noteUnread(16_000, 16_000, second * 1_000);
    expect(slowLine.stalledForMs(20_000)).toBe(0);
  });

  it('is looked at again until it is known to go on', () => {
    const socket = new FakeSocket();
    const { reading } = socket;
    socket.bytesWritten = 50_000;
    reading.noteUnread(0, 50_000, 1_000);
    socket.bytesWritten = 66_000;
    expect(reading.mayBeBehind).toBe(false);
    // More was written while the system was asked: what seems unread is more than what was written since.
    reading.noteUnread(16_400, 66_000, 2_000);
    expect(reading.mayBeBehind).toBe(true);
    reading.noteUnread(0, 66_000, 3_000);
    expect([reading.mayBeBehind, reading.stalledForMs(9_000)]).toEqual([false, 0]);
  });
});
