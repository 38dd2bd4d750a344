import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Options, parseOptions, usage } from './options.ts';

/** Arguments in, results and exit code out. */
const root = fileURLToPath(new URL('../..', import.meta.url));

function options(): Options | undefined {
  try {
    const parsed = parseOptions(process.argv.slice(2));
    if (parsed !== 'help') return parsed;
    process.stdout.write(usage);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
  }
  return undefined;
}

/** The compiled source looks for these beside itself as soon as it is loaded. */
function linkCompanions(): void {
  for (const name of ['dist', 'migrations', 'package.json']) {
    const link = join(root, 'dist-bench', name);
    if (!existsSync(link)) symlinkSync(join('..', name), link);
  }
}

const wanted = options();
if (wanted !== undefined) {
  linkCompanions();
  // Through exit, so that no process and no database of the suite stays behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const { runSuite } = await import('./suite.ts');
  process.stdout.write(await runSuite(wanted, join(root, 'dist-bench')));
}
