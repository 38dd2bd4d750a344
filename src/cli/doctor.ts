import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { configFileName, loadConfig } from '../config.ts';
import { portBase } from '../server/node.ts';
import { openFilesMax } from '../server/open-files.ts';
import { readBackupRecord } from '../storage/backup/record.ts';
import { assertSqliteVersion, openDatabaseReadOnly, sqliteVersion } from '../storage/database.ts';
import { fileSystemOf } from '../storage/file-system.ts';
import { DirectoryInUse, ProcessLock } from '../storage/process-lock.ts';
import { readIdentity } from '../storage/settings.ts';
import { databaseFile, demandNode } from './existing-node.ts';
import { ExitCode } from './exit-codes.ts';
import { printJson, printTable } from './output.ts';

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

const freeBytesMin = 1_073_741_824;
const openFilesMin = 4_096;
const earliestSaneTime = Date.UTC(2026, 0, 1);
const backupAgeMaxMs = 7 * 86_400_000;

/** `raida-node doctor`: is everything around the node as it should be? */
export async function doctor(directory: string, asJson: boolean): Promise<ExitCode> {
  demandNode(directory);
  const running = isRunning(directory);
  const findings: Finding[] = [
    attempt('sqlite', () => checkSqlite(directory)),
    attempt('configuration', () => checkConfiguration(directory)),
    await checkPort(directory, running),
    attempt('permissions', () => checkPermissions(directory)),
    attempt('disk space', () => checkDiskSpace(directory)),
    attempt('file system', () => checkFileSystem(directory)),
    attempt('open files', checkOpenFiles),
    attempt('clock', checkClock),
    attempt('backup', () => checkBackup(directory)),
  ];
  const healthy = findings.every((finding) => finding.ok);
  if (asJson) printJson({ healthy, running, findings });
  else
    printTable(
      findings.map((finding) => ({ ...finding, ok: finding.ok ? 'ok' : 'LOOK' })),
      ['check', 'ok', 'detail'],
    );
  return healthy ? ExitCode.ok : ExitCode.failed;
}

function attempt(check: string, work: () => Omit<Finding, 'check'>): Finding {
  try {
    return { check, ...work() };
  } catch (error) {
    return { check, ok: false, detail: (error as Error).message };
  }
}

function isRunning(directory: string): boolean {
  try {
    ProcessLock.take(directory).release();
    return false;
  } catch (error) {
    if (error instanceof DirectoryInUse) return true;
    throw error;
  }
}

function checkSqlite(directory: string): Omit<Finding, 'check'> {
  const database = openDatabaseReadOnly(databaseFile(directory));
  const version = sqliteVersion(database);
  database.close();
  assertSqliteVersion(version);
  return { ok: true, detail: version };
}

function checkConfiguration(directory: string): Omit<Finding, 'check'> {
  loadConfig(directory, process.env);
  return { ok: true, detail: `${configFileName} is understood` };
}

async function checkPort(directory: string, running: boolean): Promise<Finding> {
  if (running) return { check: 'port', ok: true, detail: 'the node is running' };
  try {
    const { server } = loadConfig(directory, process.env);
    const database = openDatabaseReadOnly(databaseFile(directory));
    const port = server.port ?? portBase + (readIdentity(database)?.raidaId ?? 0);
    database.close();
    await new Promise<void>((resolve, reject) => {
      const probe = createServer()
        .once('error', reject)
        .listen({ port, host: server.host }, () => probe.close(() => resolve()));
    });
    return { check: 'port', ok: true, detail: `${port} is free` };
  } catch (error) {
    return { check: 'port', ok: false, detail: (error as Error).message };
  }
}

function checkPermissions(directory: string): Omit<Finding, 'check'> {
  accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  const open = (statSync(directory).mode & 0o077) !== 0;
  return { ok: !open, detail: open ? `others can look into ${directory}: chmod 700 it` : 'only the owner gets in' };
}

function checkDiskSpace(directory: string): Omit<Finding, 'check'> {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  return { ok: free >= freeBytesMin, detail: `${Math.round(free / 1_048_576)} MiB free` };
}

function checkFileSystem(directory: string): Omit<Finding, 'check'> {
  const { name, isNetwork } = fileSystemOf(directory);
  return { ok: !isNetwork, detail: isNetwork ? `${name}: SQLite's locks do not hold on a network` : name };
}

function checkOpenFiles(): Omit<Finding, 'check'> {
  const most = openFilesMax();
  if (most === undefined) return { ok: true, detail: 'unknown on this system' };
  const enough = most >= openFilesMin;
  const detail = most === Number.POSITIVE_INFINITY ? 'unlimited' : `${most} at most`;
  return { ok: enough, detail: `${detail}${enough ? '' : `; at least ${openFilesMin} are advisable`}` };
}

function checkClock(): Omit<Finding, 'check'> {
  const now = Date.now();
  return { ok: now > earliestSaneTime, detail: new Date(now).toISOString() };
}

function checkBackup(directory: string): Omit<Finding, 'check'> {
  const last = readBackupRecord(directory);
  if (last === undefined) return { ok: false, detail: 'there is no verified backup yet' };
  const age = Date.now() - Date.parse(last.createdAt);
  return { ok: age < backupAgeMaxMs, detail: `last verified one ${last.createdAt}: ${last.file}` };
}
