import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeLarge } from './remove-large.ts';

/** Names of scheduled backups, which sort by time. Only files named so are ever removed. */
export function backupFileName(raidaId: number, now: number): string {
  const time = new Date(now)
    .toISOString()
    .replaceAll(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z');
  return `raida-${raidaId}-${time}.backup`;
}

/**
 * Removes all but the newest `keep` backups of a RAIDA from a folder, but never `justMade`, whatever the clock said when the
 * others were made. Returns the names that went.
 */
export async function removeOldBackups(
  folder: string,
  raidaId: number,
  keep: number,
  justMade: string,
): Promise<string[]> {
  const pattern = new RegExp(`^raida-${raidaId}-\\d{8}T\\d{6}Z\\.backup$`);
  const names = readdirSync(folder)
    .filter((name) => pattern.test(name) && name !== justMade)
    .sort();
  const old = names.slice(0, Math.max(0, names.length + 1 - keep));
  for (const name of old) await removeLarge(join(folder, name));
  return old;
}
