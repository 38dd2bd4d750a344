import { type Config, configFileName, loadConfig, type Override } from '../config.ts';
import { createLogger } from '../logger.ts';
import { keepHeapSmall } from '../server/heap.ts';
import { startNode } from '../server/node.ts';
import { openDatabaseReadOnly } from '../storage/database.ts';
import { fileSystemOf } from '../storage/file-system.ts';
import { readIdentity } from '../storage/settings.ts';
import { programVersion } from '../version.ts';
import { databaseFile, demandNode, isNode } from './existing-node.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { createNode, loadNodeConfig } from './node-directory.ts';

export interface ServeOptions {
  readonly directory: string;
  /** Makes the node first where there is none. */
  readonly makeNode: boolean;
  readonly acceptLoss: boolean;
  readonly overrides: readonly Override[];
}

/** `raida-node serve`: runs the node until SIGTERM or SIGINT. */
export async function serve({ directory, makeNode, acceptLoss, overrides }: ServeOptions): Promise<void> {
  if (makeNode && !isNode(directory)) {
    const { server } = loadConfig(directory, process.env, overrides);
    createNode(directory, { raidaId: server.raida_id, coinId: server.coin_id });
  }
  demandNode(directory);
  const config = loadNodeConfig(directory, overrides, identityOf(directory));
  demandLocalFileSystem(directory, config);
  keepHeapSmall();
  const logger = createLogger(config.log.level);
  // Listened for first: whoever reads that the node listens may stop it at once.
  const stopped = stopSignal();
  const node = await startNode({ directory, config, logger, acceptLoss });
  const { port, metricsPort } = node;
  logger.info({ port, host: config.server.host, metricsPort, version: programVersion, pid: process.pid }, 'listening');

  const ended = await Promise.race([stopped, node.diskFailure]);
  if (typeof ended !== 'string') {
    logger.fatal({ err: ended }, 'the disk failed to sync: nothing more can be acknowledged');
    process.exit(ExitCode.inputOutput);
  }
  logger.info({ signal: ended }, 'stopping');
  await node.stop();
  logger.info('stopped');
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

function demandLocalFileSystem(directory: string, config: Config): void {
  const { name, isNetwork } = fileSystemOf(directory);
  if (!isNetwork || config.storage.allow_network_file_system) return;
  throw new CommandFailure(
    ExitCode.refused,
    `${directory} is on ${name}, where SQLite's locks do not hold: use a local disk, or set storage.allow_network_file_system`,
  );
}

/** Read before the database is opened for writing: a wrong configuration must change nothing. */
function identityOf(directory: string): { raidaId: number; coinId: number } {
  const database = openDatabaseReadOnly(databaseFile(directory));
  try {
    const identity = readIdentity(database);
    if (identity === undefined)
      throw new Error(`the database in ${directory} belongs to no node; see ${configFileName}`);
    return identity;
  } finally {
    database.close();
  }
}
