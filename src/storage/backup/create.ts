import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { workerFile } from '../../installation.ts';
import { coinsDirectoryName, databaseFileName } from '../data-directory.ts';
import { makeDirectory } from '../make-directory.ts';
import {
  BackupError,
  type BackupPart,
  backupFormat,
  encodeManifest,
  type Manifest,
  readManifest,
  readParts,
} from './container.ts';
import type { CopyProgress } from './copy-database.ts';
import { decryptFile, encryptFile } from './encryption.ts';
import { writeBackupRecord } from './record.ts';
import { partialSuffix, removeLarge } from './remove-large.ts';
import type { ProofKind, SnapshotFacts, SnapshotMessage, SnapshotProof, SnapshotTask } from './snapshot-worker.ts';

export interface BackupRequest {
  /** Data directory of the node. */
  readonly directory: string;
  /** Final name of the file. */
  readonly file: string;
  readonly program: string;
  readonly passphrase?: string | undefined;
  /** Configuration file's name within the data directory. */
  readonly configFileName: string;
  /** Has the serving node copy its database into a file; false where it does not, and the file is not there. */
  copy(target: string, progress: CopyProgress): Promise<boolean>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Gives up; what was begun is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is being done, and how much of it. */
  readonly progress: (part: string, done: number, total: number) => void;
}

/**
 * Makes one backup beside a serving node: copies, proves the copy, adds the other files and the manifest, syncs, reads
 * everything back, and only then gives the file its name. Returns its manifest; throws BackupError.
 */
export async function createBackup(request: BackupRequest): Promise<Manifest> {
  const file = resolve(request.file);
  makeDirectory(dirname(file));
  removeAbandoned(dirname(file), request.now);
  const working = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}${partialSuffix}`);
  const sealed = `${working}.sealed`;
  const replaced = `${working}.replaced`;
  try {
    const manifest = await writeContainer(request, working);
    await proveContainer(working);
    if (request.passphrase !== undefined) {
      await encryptFile(working, sealed, request.passphrase);
      await proveEncrypted(sealed, `${sealed}.opened`, request.passphrase);
      renameSync(sealed, working);
      await syncPath(working);
    }
    if (existsSync(file)) linkSync(file, replaced);
    renameSync(working, file);
    await syncPath(dirname(file));
    writeBackupRecord(request.directory, file, manifest);
    if (existsSync(replaced)) await removeLarge(replaced);
    return manifest;
  } finally {
    for (const leftover of [working, `${working}-journal`, sealed, `${sealed}.opened`, replaced])
      rmSync(leftover, { force: true });
  }
}

const abandonedAfterMs = 3_600_000;

/** What a killed backup left behind is nobody's after an hour. */
function removeAbandoned(folder: string, now: number): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('.') || !name.includes(partialSuffix)) continue;
    const status = statSync(join(folder, name), { throwIfNoEntry: false });
    if (status !== undefined && now - status.mtimeMs > abandonedAfterMs) rmSync(join(folder, name), { force: true });
  }
}

async function writeContainer(request: BackupRequest, working: string): Promise<Manifest> {
  const source = join(request.directory, databaseFileName);
  const copying: CopyProgress = (done, total) => request.progress('copying', done, total);
  const { signal } = request;
  if (!(await request.copy(working, copying))) {
    await runTask<null>({ kind: 'copy', source, target: working }, signal, copying);
  }
  const facts = await runTask<SnapshotFacts>({ kind: 'detach', source: working }, signal);
  request.progress('proving', 0, 1);
  const prove = (kind: ProofKind) => runTask<SnapshotProof>({ kind, source: working }, signal);
  const [structure, pages, keys, chain, databasePart] = await Promise.all([
    prove('structure'),
    prove('pages'),
    prove('keys'),
    prove('events'),
    describePart(databaseFileName, working),
  ]);
  const [fault] = [structure, pages, keys, chain].flatMap(({ faults }) => faults);
  if (fault !== undefined) {
    throw new BackupError(`the node's data is damaged, no backup was made: ${fault}; "raida-node verify" lists all`);
  }
  const parts = [databasePart];
  const others = otherFiles(request.directory, request.configFileName).map((name) => ({
    name,
    content: readFileSync(join(request.directory, name)),
  }));
  for (const { name, content } of others) {
    parts.push({ name, size: content.length, sha256: createHash('sha256').update(content).digest('hex') });
  }
  const manifest: Manifest = {
    format: backupFormat,
    program: request.program,
    createdAt: new Date(request.now).toISOString(),
    ...facts,
    coinPages: pages.pages,
    chatKeys: keys.keys,
    events: chain.events,
    head: chain.head,
    parts,
  };
  const target = await open(working, 'a', 0o600);
  try {
    for (const { content } of others) await target.writeFile(content);
    await target.writeFile(encodeManifest(manifest));
    await target.sync();
  } finally {
    await target.close();
  }
  return manifest;
}

function runTask<Result>(
  task: SnapshotTask,
  signal: AbortSignal | undefined,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<Result> {
  const worker = new Worker(workerFile('snapshot'), { workerData: task });
  return new Promise<Result>((resolveResult, reject) => {
    signal?.addEventListener('abort', () => void worker.terminate(), { once: true });
    worker.on('message', (message: SnapshotMessage) => {
      if ('result' in message) resolveResult(message.result as Result);
      else progress(message.done, message.total);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new BackupError(`a thread of the backup ended with ${code}`)));
  });
}

function otherFiles(directory: string, configFileName: string): string[] {
  const coins = join(directory, coinsDirectoryName);
  const names = existsSync(coins) ? readdirSync(coins).sort() : [];
  const coinFiles = names.filter((name) => name.endsWith('.bin')).map((name) => `${coinsDirectoryName}/${name}`);
  return [configFileName, ...coinFiles].filter((name) => existsSync(join(directory, name)));
}

async function describePart(name: string, file: string): Promise<BackupPart> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { name, size, sha256: hash.digest('hex') };
}

/** Reads the finished file as a restore would. */
async function proveContainer(file: string): Promise<void> {
  await readParts(file, readManifest(file), () => undefined);
}

async function proveEncrypted(sealed: string, opened: string, passphrase: string): Promise<void> {
  await decryptFile(sealed, opened, passphrase);
  await proveContainer(opened);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
