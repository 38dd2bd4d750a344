import type { Command } from 'commander';
import { denominationMax, denominationMin } from '../../domain/coin.ts';
import {
  coinArgument,
  idPrefixArgument,
  integerArgument,
  keyIdArgument,
  statusArgument,
  timeArgument,
  UsageError,
} from '../arguments.ts';
import { count, dataOption, everything, formatOf, type SetExitCode, withFormats } from './options.ts';

/** Verbs that look at keys, coins and events. */
export function addForensicVerbs(program: Command, setExitCode: SetExitCode): void {
  addKeyVerbs(program.command('keys').description('look at the stored keys; the keys themselves are never shown'));
  addCoinVerbs(program.command('coins').description('look at coins; authentication numbers are never shown'));
  addEventVerbs(program.command('events').description('look at the event log'), setExitCode);
  withFormats(program.command('query <sql>').description('ad hoc SQL over the documented views, for reading only'))
    .addOption(dataOption())
    .option('--limit <n>', 'rows at most', count, 10_000)
    .option('--timeout <seconds>', 'seconds at most', integerArgument(1, 86_400), 30)
    .action(async (sql, { data, limit, timeout, ...options }) =>
      setExitCode(
        await (await import('../query.ts')).query(sql, data, {
          limit,
          timeoutSeconds: timeout,
          format: formatOf(options),
        }),
      ),
    );
  program
    .command('inner-query <task>', { hidden: true })
    .action(async (task) => (await import('../query.ts')).runInnerQuery(task));
}

function addKeyVerbs(keys: Command): void {
  withFormats(keys.command('list').description('keys that fit all filters'))
    .addOption(dataOption())
    .option('--coin <den:sn>', 'posted in the name of this coin', coinArgument)
    .option('--id <prefix>', 'ids that start so', idPrefixArgument)
    .option('--since <time>', 'posted then or later: ISO 8601 or "2h ago"', timeArgument)
    .option('--until <time>', 'posted then or earlier', timeArgument)
    .option('--posted-by <address>', 'posted from this address')
    .option('--fetched-by <address>', 'fetched from this address')
    .option('--never-fetched', 'nobody fetched it')
    .option('--replaced', 'posted more than once')
    .option('--limit <n>', 'at most so many', count, everything)
    .action(async ({ data, id, limit, ...options }) =>
      (await import('../keys.ts')).keysList(data, { ...options, idPrefix: id }, limit, formatOf(options)),
    );
  keys
    .command('show <id>')
    .description('one key and everything that was done with it')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async (id, { data, json }) => (await import('../keys.ts')).keysShow(data, keyIdArgument(id), json));
  withFormats(keys.command('history <id>').description('every event about an id, also of one that is gone'))
    .addOption(dataOption())
    .action(async (id, { data, ...options }) =>
      (await import('../keys.ts')).keysHistory(data, keyIdArgument(id), formatOf(options)),
    );
  keys
    .command('stats')
    .description('sums over all keys')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async ({ data, json }) => (await import('../keys.ts')).keysStatistics(data, json));
  keys
    .command('purge')
    .description('remove keys posted before a time')
    .addOption(dataOption())
    .requiredOption('--older-than <time>', 'ISO 8601, or a span such as 30d', timeArgument)
    .option('--json', 'as JSON', false)
    .action(async ({ data, olderThan, json }) => (await import('../keys-purge.ts')).keysPurge(data, olderThan, json));
}

function addCoinVerbs(coins: Command): void {
  const denomination = integerArgument(denominationMin, denominationMax);
  coins
    .command('show <den> <sn>')
    .description('one coin')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async (den, sn, { data, json }) =>
      (await import('../coins.ts')).coinsShow(data, coinArgument(`${den}:${sn}`), json),
    );
  withFormats(coins.command('stats').description('pages and coins in use for each denomination'))
    .addOption(dataOption())
    .action(async ({ data, ...options }) => (await import('../coins.ts')).coinsStatistics(data, formatOf(options)));
  withFormats(coins.command('free <den>').description('the lowest free serial numbers'))
    .addOption(dataOption())
    .option('--limit <n>', 'at most so many', count, 100)
    .action(async (den, { data, limit, ...options }) =>
      (await import('../coins.ts')).coinsFree(data, denomination(den), limit, formatOf(options)),
    );
  withFormats(coins.command('history <den> <sn>').description('what was asked about a coin and done to it'))
    .addOption(dataOption())
    .option('--limit <n>', 'at most so many', count, 10_000)
    .action(async (den, sn, { data, limit, ...options }) =>
      (await import('../coins.ts')).coinsHistory(data, coinArgument(`${den}:${sn}`), limit, formatOf(options)),
    );
  coins
    .command('revert <event>')
    .description('put back what a reconstruction replaced')
    .addOption(dataOption())
    .action(async (event, { data }) => (await import('../coins-revert.ts')).coinsRevert(data, count(event)));
}

function addEventVerbs(events: Command, setExitCode: SetExitCode): void {
  withFilters(withFormats(events.command('list').description('events that fit all filters')))
    .option('--since <time>', 'then or later: ISO 8601 or "2h ago"', timeArgument)
    .option('--until <time>', 'then or earlier', timeArgument)
    .option('--newest-first', 'turn the order round', false)
    .option('--limit <n>', 'at most so many', count, everything)
    .action(async ({ data, key, newestFirst, limit, ...options }) =>
      (await import('../events.ts')).eventsList(
        data,
        { ...options, keyIdPrefix: key },
        { newestFirst, limit },
        formatOf(options),
      ),
    );
  withFilters(events.command('follow').description('print events as they come, a line of JSON for each'))
    .option('--from-start', 'the ones that are there first', false)
    .action(async ({ data, key, fromStart, ...options }) =>
      (await import('../events.ts')).eventsFollow(data, { ...options, keyIdPrefix: key }, fromStart),
    );
  withFormats(events.command('stats').description('events for each action and status'))
    .addOption(dataOption())
    .action(async ({ data, ...options }) => (await import('../events.ts')).eventsStatistics(data, formatOf(options)));
  events
    .command('export')
    .description('write a bundle that can be checked on another machine')
    .addOption(dataOption())
    .option('--signed <file>', 'where it goes')
    .action(async ({ data, signed }) => {
      if (signed === undefined) throw new UsageError('name the bundle with --signed FILE');
      (await import('../signed-events.ts')).exportSigned(data, signed);
    });
  events
    .command('verify [bundle]')
    .description('check a bundle, or without one the chain of the node')
    .option('--public-key <hex>', 'the key that the node is known by, as "events export" prints it')
    .addOption(dataOption())
    .option('--json', 'as JSON', false)
    .action(async (bundle, { data, publicKey, json }) =>
      setExitCode(
        bundle === undefined
          ? (await import('../events.ts')).eventsVerify(data, json)
          : await (await import('../signed-events.ts')).verifyBundle(bundle, publicKey, json),
      ),
    );
}

function withFilters(command: Command): Command {
  return command
    .addOption(dataOption())
    .option('--action <name>', 'such as post-key')
    .option('--status <status>', 'number or name', statusArgument)
    .option('--coin <den:sn>', 'claimed, proved or restored', coinArgument)
    .option('--key <prefix>', 'about keys whose ids start so', idPrefixArgument)
    .option('--address <address>', 'from this address');
}
