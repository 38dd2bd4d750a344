import { hash, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Database, Statement } from 'better-sqlite3';
import { recordSize } from '../../src/domain/coin-page.ts';
import { databaseFileName } from '../../src/storage/data-directory.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { type CommandName, storedKeySize } from '../cases.ts';
import { answerCalls } from '../child-calls.ts';
import { clientAddress, denomination, keyIdOf, ownCoinOfAny, randomCoin } from '../fixture.ts';
import type { ReplyShape } from '../packets.ts';

/**
 * The ceiling of storage: better-sqlite3 alone, on a copy of the node's database, with the same rows, hashes and syncs as the
 * node in transactions of the same sizes, and its checkpoints; but no network, no envelopes, no checks.
 */
export interface Replay {
  readonly command: CommandName;
  /** Requests of each transaction. */
  readonly batches: readonly number[];
  readonly storedKeys: number;
}

const checkpointIntervalMs = 50;
const pageIdBase = (denomination + 8) * 1_000;

interface Statements {
  readonly begin: Statement;
  readonly commit: Statement;
  readonly selectNumber: Statement;
  readonly selectKey: Statement;
  readonly insertKey: Statement;
  readonly selectRecord: Statement;
  readonly insertEvent: Statement;
}

let database: Database | undefined;
let statements: Statements | undefined;
let sequence = 0;
let before = '';
/** Of the newest key. */
let number = 0;

function open(directory: string): void {
  database = openDatabase(join(directory, databaseFileName));
  statements = {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    selectNumber: database.prepare('SELECT number FROM key_numbers WHERE partition = 0 AND key_id = ?').pluck(),
    selectKey: database.prepare('SELECT denomination, serial_number, key FROM chat_keys WHERE number = ?').raw(),
    insertKey: database.prepare(
      `INSERT INTO chat_keys (number, key_id, denomination, serial_number, key, posted_at, replacements, checksum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    selectRecord: database.prepare('SELECT substr(records, ?, ?) FROM coin_pages WHERE id = ?').pluck(),
    insertEvent: database.prepare(
      `INSERT INTO events (sequence, time, action, status, encryption_type, denomination, serial_number, key_id, address,
       hash) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)`,
    ),
  };
  const head = database.prepare<[], { sequence: number; hash: Buffer }>(
    'SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1',
  );
  sequence = head.get()?.sequence ?? 0;
  before = head.get()?.hash.toString('hex') ?? '00'.repeat(32);
  number = database.prepare<[], number>('SELECT coalesce(max(number), 0) FROM chat_keys').pluck().get() ?? 0;
}

/** Returns requests a second. */
function replay({ command, batches, storedKeys }: Replay): number {
  if (database === undefined || statements === undefined) throw new Error('no database is open');
  const work = workOf(command, storedKeys, statements);
  let requests = 0;
  let checkpointAt = performance.now() + checkpointIntervalMs;
  const began = performance.now();
  for (const batch of batches) {
    const now = Date.now();
    statements.begin.run();
    for (let index = 0; index < batch; index += 1) work(now);
    statements.commit.run();
    requests += batch;
    if (performance.now() < checkpointAt) continue;
    database.pragma('wal_checkpoint(PASSIVE)');
    checkpointAt = performance.now() + checkpointIntervalMs;
  }
  return (requests * 1_000) / (performance.now() - began);
}

function workOf(command: CommandName, storedKeys: number, all: Statements): (now: number) => void {
  const key = randomBytes(storedKeySize);
  switch (command) {
    case 'post key':
      return (now) => {
        const { serialNumber } = randomCoin();
        const keyId = randomId();
        all.selectNumber.get(keyId);
        number += 1;
        all.insertKey.run(number, keyId, denomination, serialNumber, key, now, 0, 0x89abcdef);
        appendEvent(all, now, 'post-key', 250, serialNumber, keyId);
      };
    case 'get key':
      return (now) => {
        const keyId = keyIdOf(Math.floor(Math.random() * storedKeys), storedKeys);
        all.selectKey.get(all.selectNumber.get(keyId));
        appendEvent(all, now, 'get-key', 250, randomCoin().serialNumber, keyId);
      };
    case 'encrypt key 23':
    case 'encrypt key 31':
      return (now) => {
        const { serialNumber } = command === 'encrypt key 23' ? randomCoin() : ownCoinOfAny();
        const record = serialNumber % 1_024;
        all.selectRecord.get(record * recordSize + 1, recordSize, pageIdBase + Math.floor(serialNumber / 1_024));
        appendEvent(all, now, 'encrypt-key', 0, serialNumber, null);
      };
    default:
      throw new Error(`${command} has no counterpart in plain SQLite here`);
  }
}

function appendEvent(
  all: Statements,
  now: number,
  action: string,
  status: number,
  serialNumber: number,
  keyId: Buffer | null,
): void {
  sequence += 1;
  const id = keyId === null ? 'null' : `"${keyId.toString('hex')}"`;
  const digest = hash(
    'sha256',
    `["${before}",${sequence},${now},"${action}",${status},null,0,${denomination},${serialNumber},null,null,null,null,${id},"${clientAddress}",null]`,
    'buffer',
  );
  all.insertEvent.run(sequence, now, action, status, denomination, serialNumber, keyId, clientAddress, digest);
  before = digest.toString('hex');
}

let idPool: Buffer = Buffer.alloc(0);
let idCursor = 0;

function randomId(): Buffer {
  if (idCursor + 16 > idPool.length) {
    idPool = randomBytes(16_384);
    idCursor = 0;
  }
  idCursor += 16;
  return idPool.subarray(idCursor - 16, idCursor);
}

/**
 * The same behind a bare server, one request a commit, for one client that waits for each reply. A commit takes longer there
 * than in a loop: the processor has gone idle in between. Returns the port.
 */
function serve({
  command,
  storedKeys,
  reply,
}: {
  command: CommandName;
  storedKeys: number;
  reply: ReplyShape;
}): Promise<number> {
  if (database === undefined || statements === undefined) throw new Error('no database is open');
  const { begin, commit } = statements;
  const work = workOf(command, storedKeys, statements);
  const bytes = Buffer.alloc(reply.size);
  bytes[2] = reply.status;
  bytes[11] = reply.sizeByte;
  let checkpointAt = performance.now() + checkpointIntervalMs;
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      begin.run();
      work(Date.now());
      commit.run();
      socket.write(bytes);
      if (performance.now() < checkpointAt) return;
      database?.pragma('wal_checkpoint(PASSIVE)');
      checkpointAt = performance.now() + checkpointIntervalMs;
    });
  });
  return new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

const calls = { open, replay, serve };

export type SqliteCalls = typeof calls;

answerCalls(calls);
