import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pc from 'picocolors';
import { RaidaClient, RefusedError, type TicketRecord } from '../client/client.ts';
import { authenticationNumberSize, type Coin, coinName, raidaCount } from '../domain/coin.ts';
import { encodeEncryptionCoinFile, encryptionCoinFileNames } from '../domain/encryption-coin.ts';
import { mfsAt } from '../domain/mfs.ts';
import { programFile } from '../installation.ts';
import { ReplyError } from '../protocol/body.ts';
import { EncryptionType } from '../protocol/encryption-type.ts';
import type { KnownCoin } from '../protocol/request.ts';
import { Store } from '../storage/store.ts';
import { createNode } from './node-directory.ts';
import { print } from './output.ts';

/** The coin that everybody loses sleep over, and the coin that the losing server owns. */
const lostCoin: Coin = { denomination: 2, serialNumber: 77 };
const serverCoin: Coin = { denomination: 1, serialNumber: 3_001 };
const recipientCoin: Coin = { denomination: 0, serialNumber: 12 };
const coinId = 6;

const losing = 3;
const helpers = [7, 11] as const;
const roster = [losing, ...helpers];

/** Every RAIDA's own authentication number of one coin. */
type Secrets = readonly Buffer[];

interface DemoNode {
  readonly raidaId: number;
  readonly port: number;
  readonly process: ChildProcess;
}

/** `raida-node demo`: the main job on real nodes, told step by step. Leaves nothing behind. */
export async function demo(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'raida-node-demo-'));
  const nodes: DemoNode[] = [];
  try {
    const lostSecrets = freshSecrets();
    step(`Three nodes on this machine: RAIDA ${roster.join(', ')}, each with its own database`);
    const serverSecrets = freshSecrets();
    const recipientSecrets = freshSecrets();
    for (const raidaId of roster) {
      const directory = join(root, String(raidaId));
      fillNode(directory, raidaId, lostSecrets, serverSecrets, recipientSecrets);
      nodes.push(await startServe(directory, raidaId));
      tell(`RAIDA ${raidaId} listens on 127.0.0.1:${nodes.at(-1)?.port}`);
    }
    await loseAndHeal(nodes, lostSecrets);
    await postAndFetch(nodes, recipientSecrets);
    print(`\n${pc.green('All of it happened over the wire, and every step is in the event logs of the nodes.')}\n`);
  } finally {
    await Promise.all(nodes.map(stopServe));
    rmSync(root, { recursive: true, force: true });
  }
}

async function loseAndHeal(nodes: readonly DemoNode[], secrets: Secrets): Promise<void> {
  step(`RAIDA ${losing} has lost the authentication number of coin ${coinName(lostCoin)}`);
  const oldSecret = secretOf(secrets, losing);
  await withClient(
    nodeOf(nodes, losing),
    [{ ...lostCoin, authenticationNumber: oldSecret }],
    undefined,
    async (client) => {
      const failure = await client.echo().catch((error: unknown) => error);
      if (!(failure instanceof RefusedError || failure instanceof ReplyError))
        throw new Error('the secret was not lost');
      tell(`an echo sealed with the old secret fails: ${failure.message}`);
    },
  );

  step('The owner chooses a new one and asks two helpers, who still know the coin, to seal a half each');
  const newSecret = randomBytes(authenticationNumberSize);
  const nonce = randomBytes(8);
  const records: TicketRecord[] = [];
  for (const [index, raidaId] of helpers.entries()) {
    const coins = [{ ...lostCoin, authenticationNumber: secretOf(secrets, raidaId) }];
    const part = newSecret.subarray(index * 8, index * 8 + 8);
    const ticket = await withClient(nodeOf(nodes, raidaId), coins, undefined, (client) =>
      client.requestTicket(serverCoin, part, nonce),
    );
    records.push({ splitId: index === 0 ? 0 : 1, authority: raidaId, target: lostCoin, ticket });
    tell(`RAIDA ${raidaId} proved the owner by type 4 and sealed half ${index} for RAIDA ${losing}`);
  }

  step(`RAIDA ${losing} opens the halves with its own coin ${coinName(serverCoin)}`);
  const accepted = await withClient(nodeOf(nodes, losing), [], undefined, (client) =>
    client.decryptRaidaKey(serverCoin, records, nonce),
  );
  tell(`answers: ${accepted.map((yes) => (yes ? 'accepted' : 'refused')).join(', ')}`);

  for (const type of [EncryptionType.coinHashed, EncryptionType.coin]) {
    const coins = [{ ...lostCoin, authenticationNumber: newSecret }];
    await withClient(nodeOf(nodes, losing), coins, type, (client) => client.echo());
    tell(`an encrypted echo of type ${type} under the new secret works: client and node share it again`);
  }
}

async function postAndFetch(nodes: readonly DemoNode[], recipientSecrets: Secrets): Promise<void> {
  step('A chat key travels from one client to another');
  const node = nodeOf(nodes, losing);
  const keyId = randomBytes(16);
  const key = randomBytes(32);
  await withClient(node, [], undefined, (client) => client.postKey(keyId, { coin: recipientCoin, key }));
  tell('posted: 32 bytes, acknowledged when they were on disk');
  const recipient = [{ ...recipientCoin, authenticationNumber: secretOf(recipientSecrets, losing) }];
  const fetched = await withClient(node, recipient, undefined, (client) => client.getKey(keyId, recipientCoin));
  if (!fetched.key.equals(key)) throw new Error('the fetched key is not the posted one');
  tell(`fetched by its recipient, coin ${coinName(recipientCoin)}, under type 4: the same 32 bytes`);
}

/** Coins that all nodes have in common, each with the node's own secret; the losing node forgets one of them. */
function fillNode(directory: string, raidaId: number, lost: Secrets, server: Secrets, recipient: Secrets): void {
  createNode(directory, { raidaId, coinId, port: 0 });
  const store = Store.open(directory);
  const known: [Coin, Buffer][] = [
    [serverCoin, secretOf(server, raidaId)],
    [recipientCoin, secretOf(recipient, raidaId)],
    [lostCoin, raidaId === losing ? randomBytes(authenticationNumberSize) : secretOf(lost, raidaId)],
  ];
  store.write((writer) => {
    for (const [coin, authenticationNumber] of known) {
      const record = { authenticationNumber, mfs: mfsAt(Date.now()) };
      writer.coins.putRecord(coin, () => record, { bytes: (size) => randomBytes(size) });
    }
  });
  store.close();
  if (raidaId === losing) {
    const [name] = encryptionCoinFileNames(serverCoin);
    writeFileSync(join(directory, 'coins', name), encodeEncryptionCoinFile(coinId, Buffer.concat(server)));
  }
}

function freshSecrets(): Secrets {
  return Array.from({ length: raidaCount }, () => randomBytes(authenticationNumberSize));
}

function secretOf(secrets: Secrets, raidaId: number): Buffer {
  return secrets[raidaId] ?? Buffer.alloc(authenticationNumberSize);
}

function nodeOf(nodes: readonly DemoNode[], raidaId: number): DemoNode {
  const node = nodes.find((each) => each.raidaId === raidaId);
  if (node === undefined) throw new Error(`RAIDA ${raidaId} does not run`);
  return node;
}

async function withClient<T>(
  { port, raidaId }: DemoNode,
  coins: readonly KnownCoin[],
  encryptionType: EncryptionType | undefined,
  work: (client: RaidaClient) => Promise<T>,
): Promise<T> {
  const client = await RaidaClient.connect({ host: '127.0.0.1', port, raidaId, coinId, coins, encryptionType });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function startServe(directory: string, raidaId: number): Promise<DemoNode> {
  const child = spawn(
    process.execPath,
    [programFile, 'serve', '--data', directory, '--host', '127.0.0.1', '--port', '0'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number };
    if (msg === 'listening') return { raidaId, port, process: child };
  }
  throw new Error(`RAIDA ${raidaId} did not start`);
}

async function stopServe({ process: child }: DemoNode): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function step(text: string): void {
  print(`\n${pc.bold(text)}\n`);
}

function tell(text: string): void {
  print(`  ${pc.dim('-')} ${text}\n`);
}
