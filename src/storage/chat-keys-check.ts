import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Database, Statement } from 'better-sqlite3';
import { chatKeyChecksum, checkedContent, type StoredKey, storedKeyColumns } from './stored-key.ts';

/** In one read; SQLite hands them over as three values, which takes a third of the time of as many rows. */
const keysPerRead = 2_000;

type Batch = [last: number | null, count: number, checksums: string, sizes: string, contents: Buffer];

/**
 * Proves the checksum of every stored key, in short reads. Returns how many there are; `fault` hears of each damaged one,
 * `progress` how many are done. Throws where they cannot be read.
 */
export function checkChatKeys(
  database: Database,
  fault: (text: string) => void,
  progress: (done: number) => void,
): number {
  const selectBatch = database
    .prepare<[number, number], unknown[]>(
      `SELECT max(number), count(*), group_concat(checksum), group_concat(length(content)),
         CAST(group_concat(content, '') AS BLOB)
       FROM (SELECT number, checksum, CAST(${checkedContent} AS BLOB) AS content
         FROM chat_keys WHERE number > ? ORDER BY number LIMIT ?)`,
    )
    .raw();
  const selectRows = database.prepare<[number, number], StoredKey>(
    `SELECT ${storedKeyColumns} FROM chat_keys WHERE number > ? ORDER BY number LIMIT ?`,
  );
  let done = 0;
  let position = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const batch = selectBatch.get(position, keysPerRead) as Batch;
    const [last, count] = batch;
    if (last === null) return done;
    if (!isSound(batch)) checkEach(selectRows, position, fault);
    if (last <= position) throw new Error('their order is broken');
    position = last;
    done += count;
    progress(done);
  }
}

/** Damage can turn a checksum into NULL, which no list has: then they differ in length. */
function isSound([, count, checksumList, sizeList, contents]: Batch): boolean {
  const checksums = String(checksumList).split(',');
  const sizes = String(sizeList).split(',');
  if (checksums.length !== count) return false;
  let start = 0;
  for (const [place, size] of sizes.entries()) {
    const end = start + Number(size);
    if (crc32(contents.subarray(start, end)) !== Number(checksums[place])) return false;
    start = end;
  }
  return start === contents.length;
}

function checkEach(select: Statement<[number, number], StoredKey>, position: number, fault: (text: string) => void) {
  for (const row of select.all(position, keysPerRead)) {
    if (Buffer.isBuffer(row.keyId) && Buffer.isBuffer(row.key) && chatKeyChecksum(row) === row.checksum) continue;
    const name = Buffer.isBuffer(row.keyId) ? row.keyId.toString('hex') : `number ${row.number}`;
    fault(`key ${name} is damaged: its checksum does not fit`);
  }
}
