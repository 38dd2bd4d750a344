import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createMetrics } from '../src/server/metrics.ts';

/** Alerts and dashboard ask for metrics that there are. */
const folder = new URL('../docs/monitoring/', import.meta.url);

it.each(['alerts.yml', 'dashboard.json'])('%s names only metrics of the node', async (file) => {
  const metrics = await createMetrics();
  metrics.watch({
    directory: '/',
    store: { sqliteVersion: () => '3' } as never,
    connections: () => 0,
    isReady: () => true,
  });
  const known = metrics.registry.getMetricsAsArray().map(({ name }) => name);
  const text = readFileSync(new URL(file, folder), 'utf8');
  const asked = text.match(/\b(?:raida_node|process|nodejs)_[a-z0-9_]+/g) ?? [];
  expect(asked.length).toBeGreaterThan(10);
  for (const name of asked) expect(known, name).toContain(name.replace(/_(?:bucket|sum|count)$/, ''));
});
