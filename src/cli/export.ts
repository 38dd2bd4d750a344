import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeChatKey } from '../domain/chat-key.ts';
import { isEncryptionCoinFileName } from '../domain/encryption-coin.ts';
import { coinsDirectoryName } from '../storage/data-directory.ts';
import { openDatabaseReadOnly } from '../storage/database.ts';
import { Export } from '../storage/export.ts';
import { coinsFolder, dataFolder, deployedConfigFile, keysFolder, pagePath } from './deployed-folder.ts';
import { databaseFile, demandNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { printFields, printJson } from './output.ts';
import { ProgressBar } from './progress.ts';

/** Mode of the key files that deployed servers write. */
const keyFileMode = 0o640;

/** `raida-node export`: writes the node as a deployed server's folder. Works beside a serving node. */
export function exportFolder(folder: string, directory: string, asJson: boolean): void {
  demandNode(directory);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CommandFailure(ExitCode.refused, `${folder} is not empty: name a new or an empty folder`);
  }
  const database = openDatabaseReadOnly(databaseFile(directory));
  try {
    const source = new Export(database);
    for (const part of [dataFolder, keysFolder, coinsFolder]) mkdirSync(join(folder, part), { recursive: true });
    const pages = writePages(source, folder);
    const keys = writeKeys(source, folder);
    const encryptionCoins = copyEncryptionCoins(directory, folder);
    const { raidaId, coinId } = source.identity();
    writeFileSync(join(folder, deployedConfigFile), `[server]\nraida_id = ${raidaId}\ncoin_id = ${coinId}\n`);
    if (asJson) printJson({ pages, keys, encryptionCoins });
    else printFields({ 'coin pages': pages, keys, 'encryption coins': encryptionCoins });
  } finally {
    database.close();
  }
}

function writePages(source: Export, folder: string): number {
  const addresses = source.pageAddresses();
  const progress = new ProgressBar(dataFolder, addresses.length);
  for (const address of addresses) {
    const file = join(folder, pagePath(address));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, source.page(address));
    progress.advance();
  }
  progress.finish();
  return addresses.length;
}

function writeKeys(source: Export, folder: string): number {
  const progress = new ProgressBar(keysFolder, source.keyCount());
  let count = 0;
  for (const { keyId, chatKey } of source.keys()) {
    writeFileSync(join(folder, keysFolder, keyId.toString('hex')), encodeChatKey(chatKey), { mode: keyFileMode });
    count += 1;
    progress.advance();
  }
  progress.finish();
  return count;
}

function copyEncryptionCoins(directory: string, folder: string): number {
  const from = join(directory, coinsDirectoryName);
  const names = existsSync(from) ? readdirSync(from).filter(isEncryptionCoinFileName) : [];
  for (const name of names) copyFileSync(join(from, name), join(folder, coinsFolder, name));
  return names.length;
}
