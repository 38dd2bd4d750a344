import { existsSync, readFileSync } from 'node:fs';

/** Kept from connections: for the database, backups, logs and whatever the runtime opens. */
const reserved = 64;
const connectionsLeast = 16;

/** How many files the process may have open (getrlimit, RLIMIT_NOFILE); undefined where the system does not say. */
export function openFilesMax(): number | undefined {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '';
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/**
 * How many connections a node can take, of those that it may: where clients could use up the last descriptor, it could no
 * longer write what it owes to the disk, and whoever connects would wait unanswered instead of being turned away.
 */
export function connectionsWithin(configured: number, openFiles: number | undefined): number {
  if (openFiles === undefined) return configured;
  return Math.min(configured, Math.max(connectionsLeast, openFiles - reserved));
}
