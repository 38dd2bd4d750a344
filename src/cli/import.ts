import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseHex } from '../bytes/hex.ts';
import { decodeChatKey } from '../domain/chat-key.ts';
import { isValidCoin } from '../domain/coin.ts';
import { pageSize } from '../domain/coin-page.ts';
import {
  coinsOfFileName,
  convertWalletFile,
  EncryptionCoin,
  encryptionCoinFileNames,
  encryptionCoinFileSize,
} from '../domain/encryption-coin.ts';
import { coinsDirectoryName } from '../storage/data-directory.ts';
import type { Store, Writer } from '../storage/store.ts';
import {
  coinsFolder,
  dataFolder,
  deployedConfigFile,
  type FolderFile,
  filesBelow,
  keysFolder,
  pageAddressOf,
  readDeployedSettings,
  readPlainFile,
} from './deployed-folder.ts';
import { isNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { createNode, type NewNode } from './node-directory.ts';
import { print, printFields, printJson } from './output.ts';
import { ProgressBar } from './progress.ts';
import { withStore } from './writing.ts';

interface Refused {
  readonly file: string;
  readonly reason: string;
}

interface ImportReport {
  pages: number;
  coinsInUse: number;
  keys: number;
  encryptionCoins: number;
  /** Files that were not taken, each with its reason. */
  readonly refused: Refused[];
  /** Other entries of the folder, which are no business of a node. */
  ignored: string[];
}

const filesPerTransaction = 256;

/**
 * `raida-node import`: takes a deployed server's folder into a node, making the node where there is none. What is there
 * already with the same content is passed over, so an interrupted import is finished by running it again; nothing that
 * differs is overwritten.
 */
export function importFolder(folder: string, directory: string, wanted: NewNode, asJson: boolean): ExitCode {
  demandFolder(folder);
  const report: ImportReport = { pages: 0, coinsInUse: 0, keys: 0, encryptionCoins: 0, refused: [], ignored: [] };
  prepareNode(folder, directory, wanted, report);
  withStore(directory, (store) => importAll(folder, directory, store, report));
  printReport(report, asJson);
  return report.refused.length === 0 ? ExitCode.ok : ExitCode.failed;
}

function demandFolder(folder: string): void {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new CommandFailure(ExitCode.failed, `there is no folder ${folder}`);
  }
  if (![dataFolder, keysFolder, coinsFolder].some((name) => existsSync(join(folder, name)))) {
    throw new CommandFailure(
      ExitCode.failed,
      `${folder} is not a deployed server's folder: it has neither ${dataFolder}/ nor ${keysFolder}/ nor ${coinsFolder}/`,
    );
  }
}

/** Makes the node with the deployed server's identity, or checks that an existing one has the same. */
function prepareNode(folder: string, directory: string, wanted: NewNode, report: ImportReport): void {
  const read = readDeployedSettings(folder);
  if (typeof read === 'string') report.refused.push({ file: deployedConfigFile, reason: read });
  const settings = typeof read === 'string' ? {} : read;
  if (isNode(directory)) {
    const identity = withStore(directory, (store) => store.identity);
    demandSameIdentity(settings.raidaId, identity.raidaId, 'RAIDA');
    demandSameIdentity(settings.coinId, identity.coinId, 'coin id');
    return;
  }
  const raidaId = wanted.raidaId ?? settings.raidaId;
  if (raidaId === undefined) {
    throw new CommandFailure(
      ExitCode.failed,
      `${deployedConfigFile} in ${folder} names no raida_id: say which RAIDA this is with --raida-id`,
    );
  }
  createNode(directory, { ...settings, raidaId, coinId: wanted.coinId ?? settings.coinId });
}

function demandSameIdentity(deployed: number | undefined, stored: number, what: string): void {
  if (deployed === undefined || deployed === stored) return;
  throw new CommandFailure(
    ExitCode.refused,
    `the folder belongs to ${what} ${deployed}, the node is ${what} ${stored}`,
  );
}

function importAll(folder: string, directory: string, store: Store, report: ImportReport): void {
  const known = [dataFolder, keysFolder, coinsFolder, deployedConfigFile];
  report.ignored = readdirSync(folder)
    .filter((name) => !known.includes(name))
    .sort();
  inTransactions(folder, dataFolder, store, report, takePage);
  inTransactions(folder, keysFolder, store, report, takeKey);
  takeEncryptionCoins(folder, directory, store.identity.coinId, report);
  const counts = store.read((reader) => [...reader.coins.countInUse().values()]);
  report.coinsInUse = counts.reduce((sum, count) => sum + count, 0);
  store.write((writer) => {
    const { pages, keys, encryptionCoins, refused } = report;
    const details = { pages, keys, encryptionCoins, refused: refused.length };
    writer.events.append({ time: Date.now(), action: 'import', details });
  });
}

type Take = (writer: Writer, folder: string, file: FolderFile, report: ImportReport) => string | undefined;

/** Takes the files below one folder, some hundred in each transaction. */
function inTransactions(folder: string, part: string, store: Store, report: ImportReport, take: Take): void {
  const files = filesBelow(folder, part);
  const progress = new ProgressBar(part.padEnd(dataFolder.length), files.length);
  for (let start = 0; start < files.length; start += filesPerTransaction) {
    const some = files.slice(start, start + filesPerTransaction);
    store.write((writer) => {
      for (const file of some) {
        const reason = take(writer, folder, file, report);
        if (reason !== undefined) report.refused.push({ file: file.path, reason });
      }
    });
    store.checkpoint();
    progress.advance(some.length);
  }
  progress.finish();
}

function takePage(writer: Writer, folder: string, { path }: FolderFile, report: ImportReport): string | undefined {
  const address = pageAddressOf(path);
  if (typeof address === 'string') return address;
  const page = readPlainFile(folder, path);
  if (typeof page === 'string') return page;
  if (page.length !== pageSize) return `is ${page.length} bytes long, not ${pageSize}`;
  const present = writer.coins.page(address);
  if (present === undefined) writer.coins.putPage(address, page);
  else if (!present.equals(page)) return 'differs from the page that the node holds already';
  report.pages += 1;
  return undefined;
}

function takeKey(writer: Writer, folder: string, { path, name }: FolderFile, report: ImportReport): string | undefined {
  if (path !== `${keysFolder}/${name}` || !/^[0-9a-f]{32}$/.test(name)) {
    return 'is not named like a key (32 lower-case hexadecimal digits)';
  }
  const file = readPlainFile(folder, path);
  if (typeof file === 'string') return file;
  const chatKey = decodeChatKey(file);
  if (typeof chatKey === 'string') return chatKey;
  const keyId = parseHex(name);
  const present = writer.chatKeys.find(keyId);
  if (present === undefined) {
    writer.chatKeys.put(keyId, chatKey, Math.floor(statSync(join(folder, path)).mtimeMs));
  } else if (!present.key.equals(chatKey.key) || present.coin.serialNumber !== chatKey.coin.serialNumber) {
    return 'differs from the key that the node holds already under this id';
  }
  report.keys += 1;
  return undefined;
}

function takeEncryptionCoins(folder: string, directory: string, coinId: number, report: ImportReport): void {
  for (const { path, name } of filesBelow(folder, coinsFolder)) {
    const reason =
      path === `${coinsFolder}/${name}` ? takeEncryptionCoin(folder, directory, coinId, name) : 'lies too deep';
    if (reason === undefined) report.encryptionCoins += 1;
    else report.refused.push({ file: path, reason });
  }
}

function takeEncryptionCoin(folder: string, directory: string, coinId: number, name: string): string | undefined {
  const coins = coinsOfFileName(name).filter(isValidCoin);
  const [coin] = coins;
  if (coin === undefined) return 'is not named like an encryption coin (DD.SN.bin)';
  const file = readPlainFile(folder, `${coinsFolder}/${name}`);
  if (typeof file === 'string') return file;
  const target = join(directory, coinsDirectoryName);
  if (file.length === encryptionCoinFileSize) {
    const parsed = EncryptionCoin.parse(file, coinId);
    return typeof parsed === 'string' ? parsed : placeFile(target, name, file);
  }
  for (const candidate of coins) {
    const converted = convertWalletFile(file, candidate, coinId);
    if (typeof converted !== 'string') return placeFile(target, encryptionCoinFileNames(candidate)[0], converted);
  }
  return convertWalletFile(file, coin, coinId) as string;
}

/** Writes a file whole or not at all; one that is there with other content is left alone. */
function placeFile(directory: string, name: string, content: Buffer): string | undefined {
  const file = join(directory, name);
  if (existsSync(file)) {
    return readFileSync(file).equals(content) ? undefined : 'differs from the coin that the node holds already';
  }
  const temporary = `${file}.${randomBytes(4).toString('hex')}.new`;
  writeFileSync(temporary, content, { mode: 0o600 });
  syncFile(temporary);
  renameSync(temporary, file);
  syncFile(directory);
  return undefined;
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function printReport(report: ImportReport, asJson: boolean): void {
  if (asJson) {
    printJson(report);
    return;
  }
  const { pages, coinsInUse, keys, encryptionCoins, refused, ignored } = report;
  printFields({
    'coin pages': pages,
    'coins in use': coinsInUse,
    keys,
    'encryption coins': encryptionCoins,
    'not taken': refused.length,
  });
  for (const { file, reason } of refused) print(`not taken: ${file} ${reason}\n`);
  if (ignored.length > 0) process.stderr.write(`left alone, no part of a node: ${ignored.join(', ')}\n`);
}
