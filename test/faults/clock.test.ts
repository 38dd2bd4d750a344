import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { makeNode, openBeside } from '../support/harness.ts';
import { buildRequest, coinBytes, postPayload } from '../support/wire.ts';
import { Asker } from './support/asker.ts';
import { FakeClock } from './support/fake-clock.ts';
import { HonestClient } from './support/honest-client.ts';

/** The wall clock jumps, by an hour and by ten years, both ways: order, deadlines and what is kept do not. */
const hour = 3_600;
const tenYears = 10 * 365 * 24 * hour;
const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

const postOf = (number: number) => {
  const keyId = Buffer.alloc(16);
  keyId.writeUInt32BE(number, 12);
  return buildRequest({
    group: 4,
    command: 41,
    payload: postPayload(keyId, coinBytes(1, 300), Buffer.alloc(128), 0, 9),
  });
};

/** Milliseconds until the node hangs up on a client that has sent some bytes and nothing more. */
function lifetimeMs(port: number, bytes: Buffer): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.on('error', () => undefined);
    socket.on('connect', () => (bytes.length > 0 ? socket.write(bytes) : undefined));
    socket.resume();
    socket.on('close', () => resolve(performance.now() - began));
  });
}

describe('a clock that jumps', () => {
  it('leaves order, chain and deadlines as they are', async () => {
    const clock = new FakeClock();
    const directory = makeNode();
    const more = ['--set', 'limits.header_deadline_ms=1500', '--set', 'limits.request_deadline_ms=2500'];
    const node = await serve(directory, more, { environment: clock.environment });
    const honest = new HonestClient(node.port);
    const lifetimes: number[] = [];
    for (const offset of [0, hour, 0, -hour, 0, tenYears, 0, -tenYears, 0]) {
      const half = lifetimeMs(node.port, postOf(1).subarray(0, 20));
      const silent = lifetimeMs(node.port, Buffer.alloc(0));
      await pause(700);
      clock.turn(offset);
      for (const [lived, limit] of [[await half, 1_500] as const, [await silent, 2_500] as const]) {
        lifetimes.push(lived);
        expect(lived, `offset ${offset}`).toBeGreaterThan(limit - 50);
        expect(lived, `offset ${offset}`).toBeLessThan(limit + 700);
      }
    }
    await honest.stop();
    expect(honest.unexpected).toEqual([]);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
    const times = openBeside(directory).prepare('SELECT time FROM events ORDER BY sequence').pluck().all() as number[];
    const spanYears = (Math.max(...times) - Math.min(...times)) / 1_000 / (365 * 24 * hour);
    const backward = times.filter((time, index) => time < (times[index - 1] ?? 0)).length;
    const { first, last, count } = openBeside(directory)
      .prepare('SELECT min(sequence) AS first, max(sequence) AS last, count(*) AS count FROM events')
      .get() as { first: number; last: number; count: number };
    process.stdout.write(
      `clock: ${count} events over ${spanYears.toFixed(1)} years, ${backward} jumps back, half requests closed after at most ${Math.max(...lifetimes).toFixed(0)} ms\n`,
    );
    expect([first, last]).toEqual([1, count]);
    expect(spanYears).toBeGreaterThan(19);
    expect(backward).toBeGreaterThanOrEqual(4);
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });

  it('does not make retention remove what is young', async () => {
    const clock = new FakeClock();
    const directory = makeNode();
    const more = ['--set', 'keys.retention_days=30', '--set', 'events.retention_days=30'];
    const node = await serve(directory, more, { environment: clock.environment });
    const asker = new Asker(node.port);
    const keys = 2_500;
    for (let number = 0; number < keys; number += 1) await asker.status(postOf(number));
    const beside = openBeside(directory);
    const count = (table: string) => beside.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    const events = count('events');
    clock.turn(tenYears);
    await pause(6_000);
    clock.turn(0);
    asker.close();
    const [keysLeft, eventsLeft] = [count('chat_keys'), count('events')];
    process.stdout.write(
      `clock: ten years ahead for 6 s leave ${keysLeft} of ${keys} keys and ${eventsLeft} of ${events} events\n`,
    );
    await node.end('SIGTERM');
    expect.soft(keysLeft, 'keys').toBe(keys);
    expect.soft(eventsLeft, 'events').toBeGreaterThanOrEqual(events);
    expect(run(['verify', '--data', directory]).code).toBe(0);
  });

  it('ten years back does not make the node remove the backup that it has just made', async () => {
    const clock = new FakeClock();
    const directory = makeNode();
    const folder = join(directory, 'backups');
    mkdirSync(folder);
    for (const day of ['20261120', '20261121']) writeFileSync(join(folder, `raida-14-${day}T000000Z.backup`), 'older');
    clock.turn(-tenYears);
    const more = ['--set', 'backup.every=1h', '--set', `backup.dir=${folder}`, '--set', 'backup.keep=2'];
    const node = await serve(directory, more, { environment: clock.environment });
    await expect.poll(() => node.log(), { timeout: 10_000 }).toContain('backup made and verified');
    await node.end('SIGTERM');
    const { file } = JSON.parse(readFileSync(join(directory, 'last-backup.json'), 'utf8')) as { file: string };
    process.stdout.write(`clock: after a backup made ten years ago there are ${readdirSync(folder).join(', ')}\n`);
    expect(existsSync(file), 'the file that last-backup.json names').toBe(true);
  });
});
