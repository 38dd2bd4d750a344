import { Command, Option } from 'commander';
import type { Override } from '../config.ts';
import { programVersion } from '../version.ts';
import {
  coinArgument,
  idPrefixArgument,
  integerArgument,
  keyIdArgument,
  statusArgument,
  timeArgument,
  UsageError,
} from './arguments.ts';
import type { Format } from './output.ts';

/**
 * The command line: words and options, and which file does the work. Each verb is loaded only when it is used, so that
 * help costs nothing.
 */
const defaultDirectory = process.env.RAIDA_NODE_DATA ?? 'data';
const everything = Number.MAX_SAFE_INTEGER;

const raidaId = integerArgument(0, 24);
const coinId = integerArgument(0, 65_535);
const port = integerArgument(0, 65_535);
const count = integerArgument(1, everything);

export function buildProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('raida-node')
    .description('A RAIDA key-exchange node for one machine.')
    .version(programVersion)
    .showHelpAfterError(false)
    .exitOverride();
  addNodeVerbs(program);
  addFolderVerbs(program, setExitCode);
  addForensicVerbs(program);
  addClientVerbs(program);
  for (const command of allCommands(program)) command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

function dataOption(): Option {
  return new Option('--data <dir>', 'data directory').default(defaultDirectory);
}

function addNodeVerbs(program: Command): void {
  program
    .command('init')
    .description('make a node; an existing one is never overwritten')
    .addOption(dataOption())
    .option('--raida-id <n>', 'which RAIDA this is, 0 to 24', raidaId)
    .option('--coin-id <n>', 'network, 6 for CloudCoin', coinId)
    .option('--port <p>', 'port to listen on', port)
    .action(async ({ data, ...wanted }) => (await import('./init.ts')).init(data, wanted));
  program
    .command('serve')
    .description('run the node')
    .addOption(dataOption())
    .option('--host <h>', 'address to listen on')
    .option('--port <p>', 'port to listen on, 0 picks a free one', port)
    .option('--init', 'make the node first where there is none', false)
    .option('--set <section.key=value>', 'any other setting; may be repeated', collect, [])
    .action(async (options) =>
      (await import('./serve.ts')).serve({
        directory: options.data,
        makeNode: options.init,
        overrides: overridesOf(options),
      }),
    );
}

function addFolderVerbs(program: Command, setExitCode: (code: number) => void): void {
  program
    .command('import <dir>')
    .description("take a deployed server's folder; may be interrupted and run again")
    .addOption(dataOption())
    .option('--raida-id <n>', 'for a folder whose config.toml does not say', raidaId)
    .option('--coin-id <n>', 'for a folder whose config.toml does not say', coinId)
    .option('--json', 'report as JSON', false)
    .action(async (folder, { data, json, ...wanted }) =>
      setExitCode((await import('./import.ts')).importFolder(folder, data, wanted, json)),
    );
  program
    .command('export <dir>')
    .description("write the node as a deployed server's folder")
    .addOption(dataOption())
    .option('--json', 'report as JSON', false)
    .action(async (folder, { data, json }) => (await import('./export.ts')).exportFolder(folder, data, json));
}

function addForensicVerbs(program: Command): void {
  const keys = program.command('keys').description('look at the stored keys; the keys themselves are never shown');
  withFormats(keys.command('list').description('keys that fit all filters'))
    .addOption(dataOption())
    .option('--coin <den:sn>', 'posted in the name of this coin', coinArgument)
    .option('--id <prefix>', 'ids that start so', idPrefixArgument)
    .option('--since <time>', 'posted then or later', timeArgument)
    .option('--until <time>', 'posted then or earlier', timeArgument)
    .option('--posted-by <address>', 'posted from this address')
    .option('--fetched-by <address>', 'fetched from this address')
    .option('--never-fetched', 'nobody fetched it')
    .option('--replaced', 'posted more than once')
    .option('--limit <n>', 'at most so many', count, everything)
    .action(async ({ data, id, limit, ...options }) =>
      (await import('./keys.ts')).keysList(data, { ...options, idPrefix: id }, limit, formatOf(options)),
    );
  keys
    .command('show <id>')
    .description('one key and everything that was done with it')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async (id, { data, json }) => (await import('./keys.ts')).keysShow(data, keyIdArgument(id), json));

  const coins = program.command('coins').description('look at coins; authentication numbers are never shown');
  coins
    .command('show <den> <sn>')
    .description('one coin')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async (denomination, serialNumber, { data, json }) =>
      (await import('./coins.ts')).coinsShow(data, coinArgument(`${denomination}:${serialNumber}`), json),
    );

  const events = program.command('events').description('look at the event log');
  withFormats(events.command('list').description('events that fit all filters'))
    .addOption(dataOption())
    .option('--action <name>', 'such as post-key')
    .option('--status <status>', 'number or name', statusArgument)
    .option('--coin <den:sn>', 'claimed, proved or restored', coinArgument)
    .option('--key <prefix>', 'about keys whose ids start so', idPrefixArgument)
    .option('--address <address>', 'from this address')
    .option('--since <time>', 'then or later', timeArgument)
    .option('--until <time>', 'then or earlier', timeArgument)
    .option('--newest-first', 'turn the order round', false)
    .option('--limit <n>', 'at most so many', count, everything)
    .action(async ({ data, key, newestFirst, limit, ...options }) =>
      (await import('./events.ts')).eventsList(
        data,
        { ...options, keyIdPrefix: key },
        { newestFirst, limit },
        formatOf(options),
      ),
    );
}

function addClientVerbs(program: Command): void {
  program
    .command('call <host:port> <command> [words...]')
    .description('send one command to a node: echo, version, post-key, get-key and all others')
    .option('--raida-id <n>', 'RAIDA that is called', raidaId, 0)
    .option('--coin-id <n>', 'network', coinId, 6)
    .option('--coin <den:sn>', 'seal with this coin; twice for type 5', collect, [])
    .option('--an <hex|@file>', 'authentication number of that coin', collect, [])
    .option('--type <n>', 'encryption type; 4 with one coin and 5 with two unless given', integerArgument(0, 5))
    .option('--nonce <hex>', 'first 8 bytes of the nonce, for tickets')
    .option('--json', 'as JSON', false)
    .action(async (target, name, words, options) =>
      (await import('./call.ts')).call(target, name, words, {
        ...options,
        coins: options.coin,
        secrets: options.an,
        encryptionType: options.type,
      }),
    );
  program
    .command('demo')
    .description('three nodes on this machine; one loses a secret and gets it back')
    .action(async () => (await import('./demo.ts')).demo());
}

function withFormats(command: Command): Command {
  return command
    .addOption(new Option('--json', 'as one JSON array').conflicts(['ndjson', 'csv']))
    .addOption(new Option('--ndjson', 'as JSON, a line for each').conflicts('csv'))
    .option('--csv', 'as comma-separated values');
}

function formatOf(options: { json?: boolean; ndjson?: boolean; csv?: boolean }): Format {
  if (options.json === true) return 'json';
  if (options.ndjson === true) return 'ndjson';
  return options.csv === true ? 'csv' : 'table';
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
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
