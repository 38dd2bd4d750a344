import { defineConfig } from 'rolldown';

/**
 * The built program: few files that Node.js loads at once. Loaded module by module, a node would need half as long again
 * until it is ready. CommonJS for the same reason, which dist/package.json tells; every verb stays a file of its own that
 * is loaded when it is used.
 */
export default defineConfig({
  input: {
    main: 'src/main.ts',
    'checkpoint-worker': 'src/storage/checkpoint-worker.ts',
    'snapshot-worker': 'src/storage/backup/snapshot-worker.ts',
  },
  platform: 'node',
  // Native, or seldom needed and large.
  external: ['better-sqlite3', /^drizzle-orm/, 'prom-client'],
  plugins: [
    {
      name: 'format',
      generateBundle() {
        this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' });
      },
    },
  ],
  output: { dir: 'dist', format: 'cjs', cleanDir: true, entryFileNames: '[name].js', chunkFileNames: '[name].js' },
});
