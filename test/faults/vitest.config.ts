import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The slow proofs: `npm run test:faults`. FAULT_SCALE makes them shorter, FAULT_SEED repeats one. */
export default defineConfig({
  test: {
    include: [
      'test/faults/**/*.test.ts',
      'test/cli/deployed-sins.test.ts',
      'test/cli/kills.test.ts',
      'test/cli/secrets.test.ts',
      'test/cli/survival.test.ts',
    ],
    env: { KILL_MOMENTS: '20', SECRETS: '1000' },
    globalSetup: [fileURLToPath(new URL('../support/build.ts', import.meta.url))],
    testTimeout: 1_800_000,
    fileParallelism: false,
  },
});
