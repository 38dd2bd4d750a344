import { Buffer } from 'node:buffer';
import { createReadStream, renameSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type ChainLink, ChainVerifier, chainLinks, chainStart } from '../storage/event-chain.ts';
import { isSignedBy, signerOf } from '../storage/event-signature.ts';
import type { EventRow, ReconstructionRow } from '../storage/events.ts';
import { CommandFailure, ExitCode } from './exit-codes.ts';
import { print, printJson } from './output.ts';
import { SyncedFile } from './synced-file.ts';
import { withDatabase } from './with-database.ts';

/**
 * A bundle of events that proves itself: first line what it is and what the first event follows, then a line for each
 * event, last line the head and the node's signature. The rules of hashes and signature stand in docs/forensics.md, so that anybody can check it.
 */
const bundleFormat = 'raida-node-events-2';

interface FirstLine {
  readonly format: string;
  readonly start: { readonly sequence: number; readonly hash: string };
}

interface EventLine {
  readonly row: unknown[];
  readonly reconstructions: unknown[][];
  readonly hash: string;
}

interface LastLine {
  readonly head: { readonly sequence: number; readonly hash: string };
  readonly publicKey: string;
  /** Under `signedContent`. */
  readonly signature: string;
}

/** What is signed: where the bundle starts and ends; the chain covers everything between. */
function signedContent(start: FirstLine['start'], head: LastLine['head']): Buffer {
  return Buffer.from(JSON.stringify([bundleFormat, start.sequence, start.hash, head.sequence, head.hash]));
}

/** `raida-node events export --signed FILE`. */
export function exportSigned(directory: string, file: string): void {
  const temporary = `${file}.new`;
  const output = new SyncedFile(temporary);
  const writeLine = (value: unknown) => output.write(`${JSON.stringify(value)}\n`);
  const { chain: verifier, publicKey } = withDatabase(directory, (database) => {
    const start = chainStart(database);
    const chain = new ChainVerifier(start);
    const first = { sequence: start.sequence, hash: start.hash.toString('hex') };
    writeLine({ format: bundleFormat, start: first });
    for (const link of chainLinks(database, start.sequence)) {
      chain.add(link);
      writeLine({
        row: link.row.map(toHex),
        reconstructions: link.reconstructions.map((record) => record.map(toHex)),
        hash: link.hash.toString('hex'),
      });
    }
    const head = { sequence: chain.head.sequence, hash: chain.head.hash.toString('hex') };
    const signer = signerOf(database);
    writeLine({ head, publicKey: signer.publicKey, signature: signer.sign(signedContent(first, head)) });
    return { chain, publicKey: signer.publicKey };
  });
  output.close();
  renameSync(temporary, file);
  print(`${verifier.checked} events up to ${verifier.head.sequence}, head ${verifier.head.hash.toString('hex')}\n`);
  print(`signed by ${publicKey}\n`);
  const [fault] = verifier.faults;
  if (fault !== undefined) throw new CommandFailure(ExitCode.damageFound, `the log itself is damaged: ${fault}`);
}

/**
 * `raida-node events verify FILE`: needs no node. `expectedKey` is the public key that the node is known by; without it the
 * bundle is checked against the key that it names itself.
 */
export async function verifyBundle(file: string, expectedKey: string | undefined, asJson: boolean): Promise<ExitCode> {
  const faults: string[] = [];
  let chain: ChainVerifier | undefined;
  let first: FirstLine['start'] | undefined;
  let last: Partial<LastLine> | undefined;
  let lineNumber = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    lineNumber += 1;
    try {
      const value = JSON.parse(line) as Partial<FirstLine & EventLine & LastLine>;
      if (lineNumber === 1) {
        chain = startOf(value);
        first = value.start;
      } else if (last !== undefined) faults.push(`line ${lineNumber} follows the head`);
      else if (value.head !== undefined) last = value;
      else chain?.add(linkOf(value));
    } catch (error) {
      faults.push(`line ${lineNumber} cannot be read: ${(error as Error).message}`);
    }
  }
  chain?.finish();
  if (chain === undefined) faults.push(`${file} is no bundle of events`);
  else faults.push(...chain.faults, ...headFaults(chain, last?.head), ...signatureFaults(first, last, expectedKey));
  report(faults, chain, last?.publicKey, asJson);
  return faults.length === 0 ? ExitCode.ok : ExitCode.damageFound;
}

function startOf(value: Partial<FirstLine>): ChainVerifier {
  if (value.format !== bundleFormat || value.start === undefined) throw new Error(`the format is not ${bundleFormat}`);
  const { sequence, hash } = value.start;
  return new ChainVerifier({ sequence, hash: Buffer.from(hash, 'hex'), time: 0 });
}

function linkOf({ row, reconstructions = [], hash }: Partial<EventLine>): ChainLink {
  if (row === undefined || hash === undefined) throw new Error('it is no event');
  return {
    row: row as EventRow,
    reconstructions: reconstructions as ReconstructionRow[],
    hash: Buffer.from(hash, 'hex'),
  };
}

function headFaults(chain: ChainVerifier, head: LastLine['head'] | undefined): string[] {
  if (head === undefined) return ['the head is missing: the end was cut off'];
  const fits = head.sequence === chain.head.sequence && head.hash === chain.head.hash.toString('hex');
  return fits ? [] : [`the head names event ${head.sequence}, the last one here is ${chain.head.sequence}`];
}

function signatureFaults(
  start: FirstLine['start'] | undefined,
  { head, publicKey = '', signature = '' }: Partial<LastLine> = {},
  expectedKey = publicKey,
): string[] {
  if (start === undefined || head === undefined) return [];
  if (publicKey !== expectedKey.toLowerCase()) return [`the bundle is signed by ${publicKey}, not by ${expectedKey}`];
  return isSignedBy(publicKey, signedContent(start, head), signature) ? [] : ['the signature does not fit'];
}

function report(
  faults: readonly string[],
  chain: ChainVerifier | undefined,
  publicKey: string | undefined,
  asJson: boolean,
): void {
  const events = chain?.checked ?? 0;
  const head = chain && { sequence: chain.head.sequence, hash: chain.head.hash.toString('hex') };
  if (asJson) {
    printJson({ events, head, publicKey, faults });
    return;
  }
  for (const fault of faults) print(`damage: ${fault}\n`);
  print(
    `${faults.length === 0 ? 'sound' : `${faults.length} faults`}: ${events} events, head ${head?.sequence} ${head?.hash}\nsigned by ${publicKey}\n`,
  );
}

/** Blobs as the hash covers them. */
function toHex(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('hex') : value;
}
