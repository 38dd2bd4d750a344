import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { u32 } from '../../bytes/numbers.ts';
import { bytes, struct } from '../../bytes/struct.ts';

/**
 * A backup is one file: the database, then the node's other files, then a manifest in JSON, then a trailer that says how
 * long the manifest is and proves it. The manifest proves everything before it. The file starts like any SQLite database
 * and can be looked into as one.
 */
export const backupFormat = 1;

export interface BackupPart {
  /** Path within the data directory. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly format: number;
  /** Version of the program that made it. */
  readonly program: string;
  readonly raidaId: number;
  readonly coinId: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly schemaVersion: number;
  readonly coinPages: number;
  readonly chatKeys: number;
  readonly events: number;
  /** The newest event that the backup holds. */
  readonly head: { readonly sequence: number; readonly hash: string; readonly time: number };
  /** In the order of their bytes, the database first. */
  readonly parts: readonly BackupPart[];
}

const trailerLayout = struct({ manifestSize: u32, manifestSha256: bytes(32), mark: bytes(16) });
const trailerMark = Buffer.from('raida-node-bak1\n', 'ascii');

/** The file is no backup of this node's kind, or not what was once written. */
export class BackupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BackupError';
  }
}

/** What follows the parts: manifest and trailer. */
export function encodeManifest(manifest: Manifest): Buffer {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const trailer = trailerLayout.encode({ manifestSize: text.length, manifestSha256: sha256(text), mark: trailerMark });
  return Buffer.concat([text, trailer]);
}

/** Reads the manifest of a backup file and proves that it is whole. Throws BackupError. */
export function readManifest(file: string): Manifest {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size < trailerLayout.size) throw new BackupError(`${file} is not a backup`);
    const trailer = trailerLayout.decode(readAt(descriptor, size - trailerLayout.size, trailerLayout.size));
    if (!trailer.mark.equals(trailerMark)) throw new BackupError(`${file} is not a backup, or its end is missing`);
    const start = size - trailerLayout.size - trailer.manifestSize;
    if (start < 0) throw new BackupError(`${file} is damaged: its trailer does not fit`);
    const text = readAt(descriptor, start, trailer.manifestSize);
    if (!sha256(text).equals(trailer.manifestSha256))
      throw new BackupError(`${file} is damaged: its manifest was changed`);
    const manifest = JSON.parse(text.toString('utf8')) as Manifest;
    if (manifest.format !== backupFormat) {
      throw new BackupError(
        `${file} has backup format ${manifest.format}, this program reads ${backupFormat}: use a newer one`,
      );
    }
    const partsSize = manifest.parts.reduce((sum, part) => sum + part.size, 0);
    if (partsSize !== start) throw new BackupError(`${file} is damaged: ${start} bytes where ${partsSize} are listed`);
    return manifest;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Streams every part and proves its hash; `sink` gets the bytes, part by part. Throws BackupError after the bytes of a
 * part that does not fit, so nothing may be used before this has returned.
 */
export async function readParts(
  file: string,
  manifest: Manifest,
  sink: (part: BackupPart, chunk: Buffer) => void | Promise<void>,
): Promise<void> {
  let start = 0;
  for (const part of manifest.parts) {
    const hash = createHash('sha256');
    if (part.size > 0) {
      const stream = createReadStream(file, { start, end: start + part.size - 1, highWaterMark: chunkSize });
      for await (const chunk of stream) {
        hash.update(chunk as Buffer);
        await sink(part, chunk as Buffer);
      }
    }
    if (hash.digest('hex') !== part.sha256)
      throw new BackupError(`${file} is damaged: ${part.name} does not fit its hash`);
    start += part.size;
  }
}

const chunkSize = 1 << 20;

function readAt(descriptor: number, position: number, size: number): Buffer {
  const buffer = Buffer.alloc(size);
  if (readSync(descriptor, buffer, 0, size, position) !== size)
    throw new BackupError('the backup could not be read whole');
  return buffer;
}

function sha256(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}
