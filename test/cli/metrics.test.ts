import { expect, it } from 'vitest';
import { RaidaClient } from '../../src/client/client.ts';
import { run, runJson, serve } from '../support/cli.ts';
import { makeNode, openBeside } from '../support/harness.ts';

/** What a monitoring system sees of a node. */
function metricsPort(log: string): number {
  return Number(/"metricsPort":(\d+)/.exec(log)?.[1]);
}

async function fetchText(port: number, path: string): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return [response.status, await response.text()];
}

it('counts what it does, tells no secret, and says when it takes no writes', async () => {
  const directory = makeNode();
  const node = await serve(directory, ['--set', 'metrics.listen=127.0.0.1:0']);
  const port = metricsPort(node.log());
  const client = await RaidaClient.connect({ host: '127.0.0.1', port: node.port, raidaId: 14, coinId: 6 });
  const keyId = Buffer.alloc(16, 0xab);
  const key = Buffer.alloc(32, 0xcd);
  for (let id = 0; id < 3; id += 1) await client.postKey(keyId, { coin: { denomination: 1, serialNumber: 9 }, key });
  await expect(client.getKey(Buffer.alloc(16, 1))).rejects.toThrow('FILESYSTEM');
  await new Promise((resolve) => setTimeout(resolve, 150));
  const [status, text] = await fetchText(port, '/metrics');
  client.close();
  expect(status).toBe(200);
  expect(text).toContain('raida_node_requests_total{command="post-key",status="SUCCESS"} 3');
  expect(text).toContain('raida_node_requests_total{command="get-key",status="FILESYSTEM"} 1');
  expect(text).toContain('raida_node_refusals_total{reason="unknown-key"} 1');
  expect(text).toMatch(/raida_node_commit_duration_seconds_count 4\n/);
  expect(text).toMatch(/raida_node_event_sequence 4\n/);
  expect(text).toMatch(/raida_node_keys 1\n/);
  expect(text).toMatch(/raida_node_build_info\{version="[\d.]+",sqlite="3\.\d+\.\d+",node="[\d.]+"\} 1/);
  expect(text).toContain('process_resident_memory_bytes');
  expect(text).not.toMatch(/(?:ab){8}|(?:cd){8}/i);
  expect((await fetchText(port, '/livez'))[0]).toBe(200);
  expect((await fetchText(port, '/readyz'))[0]).toBe(200);
  expect((await fetchText(port, '/else'))[0]).toBe(404);
  openBeside(directory).exec("UPDATE chat_keys SET key = x'00'");
  const reader = await RaidaClient.connect({ host: '127.0.0.1', port: node.port, raidaId: 14, coinId: 6 });
  await expect(reader.getKey(keyId)).rejects.toThrow('FILESYSTEM');
  reader.close();
  expect((await fetchText(port, '/metrics'))[1]).toMatch(/raida_node_corrupt_rows_total 1\n/);
});

it('answers the health verb, waits for a node that is about to start, and says where none is', async () => {
  const directory = makeNode();
  const absent = run(['health', '--data', directory]);
  expect([absent.code, absent.stderr]).toEqual([1, `raida-node: no node serves ${directory}\n`]);
  const node = await serve(directory);
  expect(runJson(['health', '--wait', '10s', '--data', directory])).toMatchObject({ ready: true, port: node.port });
  await node.end('SIGTERM');
  const full = await serve(directory, ['--set', 'storage.min_free_bytes=1000000000000000']);
  await expect.poll(() => full.log(), { timeout: 5_000 }).toContain('nearly full');
  expect(run(['health', '--data', directory]).code).toBe(1);
});
