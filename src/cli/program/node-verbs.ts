import type { Command } from 'commander';
import type { Override } from '../../config.ts';
import { spanArgument, UsageError } from '../arguments.ts';
import { coinId, collect, dataOption, port, raidaId, type SetExitCode } from './options.ts';

/** Verbs that make, run and check a node. */
export function addNodeVerbs(program: Command, setExitCode: SetExitCode): void {
  program
    .command('init')
    .description('make a node; an existing one is never overwritten')
    .addOption(dataOption())
    .option('--raida-id <n>', 'which RAIDA this is, 0 to 24', raidaId)
    .option('--coin-id <n>', 'network, 6 for CloudCoin', coinId)
    .option('--port <p>', 'port to listen on', port)
    .action(async ({ data, ...wanted }) => (await import('../init.ts')).init(data, wanted));
  program
    .command('serve')
    .description('run the node')
    .addOption(dataOption())
    .option('--host <h>', 'address to listen on')
    .option('--port <p>', 'port to listen on, 0 picks a free one', port)
    .option('--init', 'make the node first where there is none', false)
    .option('--accept-loss', 'go on although acknowledged work is missing from the database; recorded', false)
    .option('--set <section.key=value>', 'any other setting; may be repeated', collect, [])
    .action(async (options) =>
      (await import('../serve.ts')).serve({
        directory: options.data,
        makeNode: options.init,
        acceptLoss: options.acceptLoss,
        overrides: overridesOf(options),
      }),
    );
  program
    .command('verify')
    .description('prove every stored value; exit 3 where something is damaged')
    .addOption(dataOption())
    .option('--events', 'only the event chain', false)
    .option('--pages', 'only coin pages, keys and SQLite itself', false)
    .option('--json', 'as JSON', false)
    .action(async ({ data, ...options }) => setExitCode((await import('../verify.ts')).verify(data, options)));
  program
    .command('doctor')
    .description('check what surrounds the node: port, permissions, disk, clock, backups')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async ({ data, json }) => setExitCode(await (await import('../doctor.ts')).doctor(data, json)));
  program
    .command('health')
    .description('ask the running node whether it takes writes; exit 1 where it does not')
    .addOption(dataOption())
    .option('--wait <span>', 'how long to wait for it, such as 10s', spanArgument, 0)
    .option('--json', 'as JSON', false)
    .action(async ({ data, wait, json }) => (await import('../health.ts')).health(data, wait, json));

  const config = program.command('config').description('look at the configuration');
  config
    .command('check')
    .description('is it understood?')
    .addOption(dataOption())
    .action(async ({ data }) => (await import('../config.ts')).configCheck(data));
  config
    .command('dump')
    .description('what is in force, secrets left out')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async ({ data, json }) => (await import('../config.ts')).configDump(data, json));
  program
    .command('completion <shell>')
    .description('completion script for bash, zsh or fish')
    .action(async (shell) => (await import('../completion.ts')).completion(program, shell));
  program
    .command('man')
    .description('the manual page, for man -l -')
    .action(async () => (await import('../man-page.ts')).manPage(program));
}

function overridesOf(options: { host?: string; port?: number; set: string[] }): Override[] {
  const overrides: Override[] = options.set.map((text) => {
    const [name = '', ...value] = text.split('=');
    if (value.length === 0) throw new UsageError(`--set ${text} is not section.key=value`);
    return { name, value: value.join('='), origin: '--set' };
  });
  if (options.host !== undefined) overrides.push({ name: 'server.host', value: options.host, origin: '--host' });
  if (options.port !== undefined) overrides.push({ name: 'server.port', value: options.port, origin: '--port' });
  return overrides;
}
