import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Everything that nodes log and print while the suite runs, and every secret that they are given, kept for `secret-scan.ts`
 * where that has set a folder.
 */
export const watchVariable = 'TEST_WATCH_FOLDER';
export const watchFolder = process.env[watchVariable];

/** For programs that the suite starts: they log all that they can. */
export const watchedEnvironment: NodeJS.ProcessEnv = watchFolder === undefined ? {} : { RAIDA_NODE_LOG_LEVEL: 'trace' };

function appender(kind: string): (text: string) => void {
  if (watchFolder === undefined) return () => undefined;
  mkdirSync(join(watchFolder, kind), { recursive: true });
  const descriptor = openSync(join(watchFolder, kind, String(process.pid)), 'a');
  process.on('exit', () => closeSync(descriptor));
  return (text) => {
    writeSync(descriptor, text);
  };
}

const appendText = appender('texts');
const appendSecret = appender('secrets');

export function watchText(text: string): void {
  appendText(`${text}\n`);
}

/** A key or authentication number, or several in a row. */
export function watchSecret(secret: Buffer): void {
  appendSecret(`${secret.toString('hex')}\n`);
}

/** Where nodes in this process log to, and how much. */
export const watchedLevel = watchFolder === undefined ? 'silent' : 'trace';
export const watchedDestination = { write: appendText };
