import type { Command } from 'commander';
import { coinId, count, dataOption, raidaId, type SetExitCode } from './options.ts';

/** Verbs that carry a whole node in or out: deployed folders and backups. */
export function addFolderVerbs(program: Command, setExitCode: SetExitCode): void {
  program
    .command('import <dir>')
    .description("take a deployed server's folder; may be interrupted and run again")
    .addOption(dataOption())
    .option('--raida-id <n>', 'for a folder whose config.toml does not say', raidaId)
    .option('--coin-id <n>', 'for a folder whose config.toml does not say', coinId)
    .option('--json', 'report as JSON', false)
    .action(async (folder, { data, json, ...wanted }) =>
      setExitCode((await import('../import.ts')).importFolder(folder, data, wanted, json)),
    );
  program
    .command('export <dir>')
    .description("write the node as a deployed server's folder")
    .addOption(dataOption())
    .option('--json', 'report as JSON', false)
    .action(async (folder, { data, json }) => (await import('../export.ts')).exportFolder(folder, data, json));
  program
    .command('backup <file-or-dir>')
    .description('one verified file with everything, made while the node serves')
    .addOption(dataOption())
    .option('--keep <n>', 'remove all but the newest n from the folder', count)
    .option('--encrypt', 'under a passphrase from RAIDA_NODE_PASSPHRASE or --passphrase-file', false)
    .option('--passphrase-file <file>', 'where the passphrase stands')
    .option('--json', 'report as JSON', false)
    .action(async (target, { data, ...options }) => (await import('../backup.ts')).backup(target, data, options));
  program
    .command('restore <file>')
    .description('prove a backup and make it the node of a directory')
    .addOption(dataOption())
    .option('--dry-run', 'prove it and change nothing', false)
    .option('--force', 'move a node that is there aside', false)
    .option('--passphrase-file <file>', 'where the passphrase of an encrypted backup stands')
    .option('--json', 'report as JSON', false)
    .action(async (file, { data, ...options }) => (await import('../restore.ts')).restore(file, data, options));
}
