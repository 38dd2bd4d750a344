import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Replays a recording up to a moment and lets the power fail there: what a file's last sync covers is kept, each later
 * write is kept, dropped or torn at a sector, renames and unlinks that nothing synced may or may not have happened.
 */
const sectorSize = 512;

interface Operation {
  readonly op: string;
  readonly name: string;
  readonly offset: number;
  readonly data: Buffer;
}

/** What was acknowledged before the cut. */
export interface Acknowledged {
  readonly sequence: number;
  readonly keys: ReadonlySet<number>;
}

export function readRecording(file: string): Operation[] {
  const bytes = readFileSync(file);
  const operations: Operation[] = [];
  for (let position = 0; position < bytes.length; ) {
    const op = String.fromCharCode(bytes.readUInt8(position));
    const pathSize = bytes.readUInt32LE(position + 1);
    const name = basename(bytes.toString('utf8', position + 5, position + 5 + pathSize));
    position += 5 + pathSize;
    const offset = Number(bytes.readBigUInt64LE(position));
    const size = Number(bytes.readBigUInt64LE(position + 8));
    const hasData = op === 'w' || op === 'r';
    operations.push({ op, name, offset, data: bytes.subarray(position + 16, position + 16 + (hasData ? size : 0)) });
    position += 16 + (hasData ? size : 0);
  }
  return operations;
}

/** The disk as it goes through a recording: what is safe, and what waits for a sync. */
export class Disk {
  readonly #safe = new Map<string, Buffer>();
  readonly #pending = new Map<string, Operation[]>();
  readonly #random: (limit: number) => number;
  #acknowledged = '';

  constructor(files: ReadonlyMap<string, Buffer>, random: (limit: number) => number) {
    for (const [name, content] of files) this.#safe.set(name, content);
    this.#random = random;
  }

  get acknowledged(): Acknowledged {
    const lines = this.#acknowledged.split('\n').filter((line) => line !== '');
    const entries = lines.map((line) => JSON.parse(line) as { sequence: number; keys: number[] });
    return { sequence: entries.at(-1)?.sequence ?? 0, keys: new Set(entries.flatMap((entry) => entry.keys)) };
  }

  apply(operation: Operation): void {
    const { op, name, data } = operation;
    if (name === 'acknowledged') {
      this.#acknowledged += data.toString('utf8');
    } else if (op === 's') {
      this.#makeSafe(name, this.#pending.get(name) ?? []);
    } else if (op === 'r' || op === 'u') {
      this.#makeSafe(name, this.#pending.get(name) ?? []);
      const content = this.#safe.get(name);
      this.#safe.delete(name);
      if (op === 'r' && content !== undefined) this.#safe.set(basename(data.toString('utf8')), content);
    } else {
      this.#pending.set(name, [...(this.#pending.get(name) ?? []), operation]);
    }
  }

  /** Writes what is left of the disk into a folder. */
  cutInto(folder: string): void {
    mkdirSync(folder, { recursive: true });
    const files = new Map(this.#safe);
    for (const [name, operations] of this.#pending) {
      let content = files.get(name) ?? Buffer.alloc(0);
      for (const operation of operations) content = change(content, operation, this.#random(3), this.#random);
      files.set(name, content);
    }
    for (const [name, content] of files) {
      if (!name.endsWith('-shm')) writeFileSync(join(folder, name), content);
    }
  }

  #makeSafe(name: string, operations: readonly Operation[]): void {
    if (operations.length === 0) return;
    let content = this.#safe.get(name) ?? Buffer.alloc(0);
    for (const operation of operations) content = change(content, operation, 0, this.#random);
    this.#safe.set(name, content);
    this.#pending.delete(name);
  }
}

/** Fate 0 keeps the operation, 1 drops it, 2 tears a write at a sector. */
function change(
  content: Buffer,
  { op, offset, data }: Operation,
  fate: number,
  random: (limit: number) => number,
): Buffer {
  if (fate === 1) return content;
  if (op === 't') {
    const cut = Buffer.alloc(offset);
    content.copy(cut, 0, 0, offset);
    return cut;
  }
  const kept = fate === 2 ? data.subarray(0, random(Math.floor(data.length / sectorSize) + 1) * sectorSize) : data;
  const end = offset + kept.length;
  const grown =
    end > content.length ? Buffer.concat([content, Buffer.alloc(end - content.length)]) : Buffer.from(content);
  kept.copy(grown, offset);
  return grown;
}
