import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchVariable } from './watched.ts';

/** Looks whether anything that nodes logged or printed during the whole run contains a secret that they were given. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'raida-node-watch-'));
  process.env[watchVariable] = folder;
  return () => {
    const secrets = readAll(folder, 'secrets').flatMap((file) => file.toString('latin1').split('\n'));
    const texts = readAll(folder, 'texts');
    rmSync(folder, { recursive: true });
    const patterns = patternsOf(secrets);
    if (patterns.size === 0) return;
    const found = texts.flatMap((text) => leaks(text, patterns));
    const size = texts.reduce((sum, text) => sum + text.length, 0);
    process.stdout.write(
      `secrets: ${patterns.size} forms of keys and numbers looked for in ${(size / 1e6).toFixed(1)} MB of logs and output\n`,
    );
    if (found.length > 0) fail(`${found.length} secrets in logs or output, the first: ${found[0]}`);
  };
}

/** After the last test nothing but the exit code counts: what is thrown here is shown and forgotten. */
function fail(message: string): void {
  process.stderr.write(`FAILED: ${message}\n`);
  process.exitCode = 1;
}

function readAll(folder: string, kind: string): Buffer[] {
  if (!existsSync(join(folder, kind))) return [];
  return readdirSync(join(folder, kind)).map((name) => readFileSync(join(folder, kind, name)));
}

const pieceSize = 16;
const prefixSize = 8;
/** Tests also use secrets of one repeated byte; the same bytes stand in ids and paddings. */
const distinctBytesMin = 8;

/** The forms in which each 16 bytes of a secret could show. */
export function patternsOf(secrets: readonly string[]): ReadonlySet<string> {
  const patterns = new Set<string>();
  for (const secret of secrets) {
    const bytes = Buffer.from(secret, 'hex');
    for (let start = 0; start + pieceSize <= bytes.length; start += pieceSize) {
      const piece = bytes.subarray(start, start + pieceSize);
      if (new Set(piece).size < distinctBytesMin) continue;
      patterns.add(piece.toString('hex'));
      patterns.add(piece.toString('hex').toUpperCase());
      // The last character depends on what follows.
      patterns.add(piece.toString('base64').slice(0, 21));
      patterns.add(piece.toString('latin1'));
    }
  }
  return patterns;
}

/** The places where a pattern stands, each with what is around it. */
export function leaks(text: Buffer, patterns: ReadonlySet<string>): string[] {
  const byPrefix = new Map<string, string[]>();
  const starts = new Uint8Array(65_536);
  for (const pattern of patterns) {
    const prefix = pattern.slice(0, prefixSize);
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), pattern]);
    starts[(pattern.charCodeAt(0) << 8) | pattern.charCodeAt(1)] = 1;
  }
  const found: string[] = [];
  for (let place = 0; place + 1 < text.length; place += 1) {
    if (starts[((text[place] ?? 0) << 8) | (text[place + 1] ?? 0)] === 0) continue;
    for (const pattern of byPrefix.get(text.toString('latin1', place, place + prefixSize)) ?? []) {
      if (text.toString('latin1', place, place + pattern.length) !== pattern) continue;
      found.push(text.toString('latin1', Math.max(0, place - 80), place + pattern.length + 40));
    }
  }
  return found;
}
