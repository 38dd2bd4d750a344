import { fileURLToPath } from 'node:url';

/**
 * Where the parts of an installed program lie. src/ and the built dist/ stand side by side, so that this is right from
 * both; processes and threads are started from what was built.
 */
const root = new URL('../', import.meta.url);

const inRoot = (path: string): string => fileURLToPath(new URL(path, root));

export const packageFile = inRoot('package.json');
export const migrationsFolder = inRoot('migrations');

/** For another process of this program, by this Node.js. */
export const programFile = inRoot('dist/main.js');

/** The program of a thread: `NAME-worker.ts`. */
export function workerFile(name: 'hmac' | 'read-ahead' | 'snapshot' | 'store'): string {
  return inRoot(`dist/${name}-worker.js`);
}
