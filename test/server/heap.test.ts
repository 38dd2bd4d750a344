import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { growthFlag } from '../../src/server/heap.ts';

/** What Node.js does not know it passes over, with a line on standard error: then a node would only need more memory. */
it('the engine knows how to keep the heap small', () => {
  expect(execFileSync(process.execPath, [growthFlag, '-p', '1 + 1'], { encoding: 'utf8' })).toBe('2\n');
});
