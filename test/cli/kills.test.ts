import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Store } from '../../src/storage/store.ts';
import { run } from '../support/cli.ts';
import { makeNode, openBeside, systemRandom, temporaryFolder } from '../support/harness.ts';

/** Backup and restore killed at any moment: never half a backup under its name, never half a node in a directory. */
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

async function killAfter(words: readonly string[], delayMs: number): Promise<void> {
  const child = spawn(process.execPath, [main, ...words], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
  await ended;
  clearTimeout(timer);
}

/** A node of some 20 MB, so that there are moments to be killed in. */
function heavyNode(seed: number): string {
  const directory = makeNode();
  const store = Store.open(directory);
  store.write((writer) => {
    for (let page = 0; page < 1_000; page += 1) {
      const record = { authenticationNumber: Buffer.alloc(16, seed), mfs: 45 };
      writer.coins.putRecord({ denomination: 1, serialNumber: page * 1_024 }, () => record, systemRandom);
    }
    writer.events.append({ time: seed, action: 'import' });
  });
  store.close();
  return directory;
}

function digestOf(directory: string): string {
  const hash = createHash('sha256');
  for (const row of openBeside(directory).prepare('SELECT checksum FROM coin_pages ORDER BY id').raw().iterate())
    hash.update(String(row));
  return hash.digest('hex');
}

describe('killed', () => {
  it('a backup leaves no file with its name, or a whole one', async () => {
    const directory = heavyNode(1);
    const folder = temporaryFolder();
    const file = join(folder, 'node.backup');
    let whole = 0;
    for (let delayMs = 60; delayMs < 460; delayMs += 40) {
      rmSync(file, { force: true });
      await killAfter(['backup', file, '--data', directory], delayMs);
      if (!existsSync(file)) continue;
      whole += 1;
      expect(run(['restore', file, '--data', join(folder, 'x'), '--dry-run']).code).toBe(0);
    }
    expect(whole).toBeLessThan(10);
  });

  it('a restore leaves the old node or the new one', async () => {
    const [oldNode, newNode] = [heavyNode(1), heavyNode(2)];
    const folder = temporaryFolder();
    const [oldFile, newFile, target] = [join(folder, 'old.backup'), join(folder, 'new.backup'), join(folder, 'node')];
    expect(run(['backup', oldFile, '--data', oldNode]).code).toBe(0);
    expect(run(['backup', newFile, '--data', newNode]).code).toBe(0);
    const digests = [digestOf(oldNode), digestOf(newNode)];
    const seen = new Set<string>();
    for (let delayMs = 60; delayMs < 360; delayMs += 30) {
      expect(run(['restore', oldFile, '--data', target, '--force']).code).toBe(0);
      await killAfter(['restore', newFile, '--data', target, '--force'], delayMs);
      expect(run(['verify', '--data', target]).code).toBe(0);
      expect(digests).toContain(digestOf(target));
      seen.add(digestOf(target));
      for (const name of readdirSync(folder)) {
        if (name.startsWith('node.before') || name.includes('restoring'))
          rmSync(join(folder, name), { recursive: true, force: true });
      }
    }
    expect(seen.size).toBe(2);
  });
});
