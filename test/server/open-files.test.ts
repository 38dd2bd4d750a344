import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { connectionsWithin, openFilesMax } from '../../src/server/open-files.ts';
import { serve } from '../support/cli.ts';
import { makeNode } from '../support/harness.ts';

/** A node keeps some of the files that it may have open from its clients. */
describe('connections within the limit of open files', () => {
  it.each([
    { configured: 10_000, openFiles: 20_000, connections: 10_000 },
    { configured: 10_000, openFiles: 1_024, connections: 960 },
    { configured: 100, openFiles: 1_024, connections: 100 },
    { configured: 10_000, openFiles: 40, connections: 16 },
    { configured: 10_000, openFiles: Number.POSITIVE_INFINITY, connections: 10_000 },
    { configured: 10_000, openFiles: undefined, connections: 10_000 },
  ])('$configured configured, $openFiles files: $connections', ({ configured, openFiles, connections }) => {
    expect(connectionsWithin(configured, openFiles)).toBe(connections);
  });

  it('knows the limit of this process', () => {
    const hard = execFileSync('bash', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
    expect(openFilesMax()).toBe(hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard));
  });

  it('is told at start', async () => {
    const node = await serve(makeNode(), [], { under: ['bash', '-c', 'ulimit -n 300; exec "$@"', 'bash'] });
    expect(node.log()).toContain('"connections":236,"openFiles":300,"msg":"fewer connections than limits.connections');
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});
