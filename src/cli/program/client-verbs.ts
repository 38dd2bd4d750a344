import type { Command } from 'commander';
import { integerArgument } from '../arguments.ts';
import { coinId, collect, raidaId } from './options.ts';

/** Verbs that talk to nodes over the wire. */
export function addClientVerbs(program: Command): void {
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
      (await import('../call.ts')).call(target, name, words, {
        ...options,
        coins: options.coin,
        secrets: options.an,
        encryptionType: options.type,
      }),
    );
  program
    .command('demo')
    .description('three nodes on this machine; one loses a secret and gets it back')
    .action(async () => (await import('../demo.ts')).demo());
}
