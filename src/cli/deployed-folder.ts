import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { hexByte } from '../bytes/hex.ts';
import { isValidDenomination, pagesPerDenomination } from '../domain/coin.ts';
import { type PageAddress, pageSize } from '../domain/coin-page.ts';

/** The folder of a deployed server: Data/DD/PP/NNNN.bin, Keys/ID, coins/DD.SN.bin, config.toml. */
export const dataFolder = 'Data';
export const keysFolder = 'Keys';
export const coinsFolder = 'coins';
export const deployedConfigFile = 'config.toml';

export interface FolderFile {
  /** Relative to the deployed folder, with slashes. */
  readonly path: string;
  readonly name: string;
}

/** Where a page's file stands, relative to the deployed folder. */
export function pagePath({ denomination, pageNumber }: PageAddress): string {
  const number = pageNumber.toString(16).padStart(4, '0');
  return `${dataFolder}/${hexByte(denomination)}/${hexByte(pageNumber >> 8)}/${number}.bin`;
}

/** The page that a file under Data/ holds, or why it is none. */
export function pageAddressOf(path: string): PageAddress | string {
  const match = /^Data\/([0-9a-f]{2})\/[0-9a-f]{2}\/([0-9a-f]{4})\.bin$/.exec(path);
  if (match === null) return 'is not named like a coin page (Data/DD/PP/NNNN.bin)';
  const denomination = (Number.parseInt(match[1] ?? '', 16) << 24) >> 24;
  const pageNumber = Number.parseInt(match[2] ?? '', 16);
  if (!isValidDenomination(denomination)) return `names denomination ${denomination}, which does not exist`;
  if (pageNumber >= pagesPerDenomination)
    return `names page ${pageNumber}; the last one is ${pagesPerDenomination - 1}`;
  const address = { denomination, pageNumber };
  return pagePath(address) === path ? address : `belongs at ${pagePath(address)}`;
}

/**
 * All files below a folder of the deployed one, in a fixed order; with them every empty directory that is none of the
 * server's own (Data/DD and Data/DD/PP), so that nothing that lies there goes unmentioned.
 */
export function filesBelow(root: string, folder: string): FolderFile[] {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return entriesOf(start).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (!isDirectory(root, path, entry)) return [{ path, name: entry.name }];
    const inside = filesBelow(root, path);
    return inside.length > 0 || isPageFolder(path) ? inside : [{ path, name: entry.name }];
  });
}

function isPageFolder(path: string): boolean {
  return /^Data(?:\/[0-9a-f]{2}){1,2}$/.test(path);
}

function entriesOf(directory: string): Dirent[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function isDirectory(root: string, path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();
}

const fileSizeMax = pageSize * 4;

/** A file's bytes, or why they cannot be had. Nothing but a plain file of a sensible size is opened. */
export function readPlainFile(root: string, path: string): Buffer | string {
  try {
    const file = join(root, path);
    const status = statSync(file);
    if (!status.isFile()) return 'is not a plain file';
    if (status.size > fileSizeMax) return `is ${status.size} bytes long`;
    return readFileSync(file);
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`;
  }
}

/** The settings of a deployed server that this node takes over. */
export interface DeployedSettings {
  readonly raidaId?: number | undefined;
  readonly coinId?: number | undefined;
  readonly port?: number | undefined;
  readonly adminKey?: string | undefined;
}

/** Reads config.toml, or says why it could not; values that make no sense here are left out. */
export function readDeployedSettings(root: string): DeployedSettings | string {
  if (!existsSync(join(root, deployedConfigFile))) return {};
  const text = readPlainFile(root, deployedConfigFile);
  if (typeof text === 'string') return text;
  try {
    const { server = {} } = parseToml(text.toString('utf8')) as { server?: Record<string, unknown> };
    return {
      raidaId: integerIn(server.raida_id, 0, 24),
      coinId: integerIn(server.coin_id, 0, 0xffff),
      port: integerIn(server.port, 1, 65_535),
      adminKey: /^[0-9a-fA-F]{32}$/.test(String(server.admin_key)) ? String(server.admin_key) : undefined,
    };
  } catch {
    return 'is not TOML';
  }
}

function integerIn(value: unknown, min: number, max: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
}
