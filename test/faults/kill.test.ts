import { describe, expect, it } from 'vitest';
import { run, serve } from '../support/cli.ts';
import { makeNode, openBeside } from '../support/harness.ts';
import { postWithoutPause } from './support/poster.ts';

/** kill -9 under load, again and again: nothing acknowledged is lost, and the node is soon back. */
const scale = Number(process.env.FAULT_SCALE ?? '1');
const rounds = Math.max(5, Math.round(200 * scale));
const connections = 4;

describe('kill -9 under load', () => {
  it(`${rounds} rounds: 0 acknowledged writes lost, ready again within 250 ms`, async () => {
    const directory = makeNode();
    const acknowledged = new Set<number>();
    const readyMs: number[] = [];
    let id = 0;
    const nextId = () => {
      id += 1;
      return id;
    };
    for (let round = 0; round < rounds; round += 1) {
      const began = performance.now();
      const node = await serve(directory);
      readyMs.push(performance.now() - began);
      const loads = Array.from({ length: connections }, () => postWithoutPause(node.port, nextId, acknowledged));
      await new Promise((resolve) => setTimeout(resolve, 100 + ((round * 13) % 120)));
      await node.end('SIGKILL');
      await Promise.all(loads);
      if (round % 20 === 19)
        process.stdout.write(`kill -9: round ${round + 1} of ${rounds}, ${acknowledged.size} acknowledged\n`);
    }
    const ids = openBeside(directory).prepare('SELECT key_id FROM chat_keys').pluck().all() as Buffer[];
    const stored = new Set(ids.map((each) => each.readUInt32BE(12)));
    expect([...acknowledged].filter((each) => !stored.has(each))).toEqual([]);
    expect(run(['verify', '--data', directory]).code).toBe(0);
    readyMs.sort((one, other) => one - other);
    const [median = 0, worst = 0] = [readyMs[readyMs.length >> 1], readyMs.at(-1)];
    process.stdout.write(
      `kill -9: ${acknowledged.size} acknowledged, ready after ${median.toFixed(0)} ms median, ${worst.toFixed(0)} ms worst\n`,
    );
    expect(acknowledged.size).toBeGreaterThan(rounds * 50);
    expect(median).toBeLessThan(250);
    expect(worst).toBeLessThan(2_000);
  });
});
