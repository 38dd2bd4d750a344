import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeNode, openBeside, serveNode } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, coinBytes, ctr, openModernReply, readReply, type WireCoin } from '../support/wire.ts';

/**
 * The main job: RAIDA B has lost a secret, helpers C and D still know it, and the client carries it back with two tickets.
 * Three nodes with real sockets; every byte of the client is built by hand.
 */
const holder = { denomination: 2, serialNumber: 5_000 };
const serverCoin = { denomination: 1, serialNumber: 14_001 };
const otherHolder = { denomination: -2, serialNumber: 9 };
const C = 3;
const D = 24;
const newSecret = Buffer.from('a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8', 'hex');
const nonce = Buffer.from('a0a1a2a3a4a5a6a7', 'hex');
const longNonce = Buffer.concat([nonce, Buffer.alloc(16, 0x40)]);

type Seal = 1 | 4 | 5;

/** Secrets of one helper: of the coin to restore, of B's own coin, of a second coin for type 5. */
async function helper(raida: number) {
  const coin = { ...holder, secret: randomBytes(16) };
  const second = { ...otherHolder, secret: randomBytes(16) };
  const shared = randomBytes(16);
  const directory = makeNode([coin, second, { ...serverCoin, secret: shared }]);
  const { port } = await serveNode(
    directory,
    '[replay]\nnonce_reuse = "allow"\nwindow_seconds = 0\n[reconstruction]\nper_day = 0',
  );
  return { raida, coin, second, shared, port };
}

type Helper = Awaited<ReturnType<typeof helper>>;

/** Under type 5 the nonce starts with the second coin, so that is what the other requests have to carry as well. */
function nonceOf(seal: Seal): Buffer {
  if (seal !== 5) return nonce;
  return Buffer.concat([coinBytes(otherHolder.denomination, otherHolder.serialNumber), longNonce.subarray(5, 8)]);
}

async function ticketOf(node: Helper, seal: Seal, part: Buffer): Promise<Buffer> {
  const coins: WireCoin[] = seal === 5 ? [node.coin, node.second] : [node.coin];
  const payload = Buffer.concat([coinBytes(serverCoin.denomination, serverCoin.serialNumber), part]);
  const sealedNonce = seal === 1 ? nonce : longNonce;
  const request = buildRequest({ group: 4, command: 44, type: seal, coins, nonce: sealedNonce, payload });
  const { received } = await converse(node.port, [request]);
  const reply = readReply(received, seal !== 1);
  if (reply === undefined || reply.status !== 0) throw new Error(`helper ${node.raida} answers ${reply?.status}`);
  if (seal !== 1) return openModernReply(reply, coins);
  return ctr(node.coin.secret, Buffer.concat([nonce, Buffer.alloc(8)]), reply.body.subarray(0, -2));
}

async function broken(helpers: readonly Helper[], target?: WireCoin) {
  const keys = Buffer.concat(
    Array.from({ length: 25 }, (_, raida) => helpers.find((each) => each.raida === raida)?.shared ?? randomBytes(16)),
  );
  const file = Buffer.concat([Buffer.from('09010006', 'hex'), Buffer.alloc(36), keys]);
  const directory = makeNode(target === undefined ? [] : [target], { '01.14001.bin': file });
  const { port } = await serveNode(
    directory,
    '[replay]\nnonce_reuse = "allow"\nwindow_seconds = 0\n[reconstruction]\nper_day = 0',
  );
  return { directory, port };
}

const record = (split: number, authority: number, ticket: Buffer) =>
  Buffer.concat([
    Buffer.from([0, 6, split, authority, 0]),
    coinBytes(holder.denomination, holder.serialNumber),
    ticket,
  ]);

const decrypt = (records: readonly Buffer[], carried: Buffer) =>
  buildRequest({
    group: 4,
    command: 45,
    nonce: carried,
    payload: Buffer.concat([coinBytes(serverCoin.denomination, serverCoin.serialNumber), ...records]),
  });

/** Status of an echo under type 1: 250 only where both sides hold the same secret. */
async function echoUnder(port: number, secret: Buffer): Promise<number> {
  const request = buildRequest({ group: 0, command: 0, type: 1, coins: [{ ...holder, secret }] });
  return (await converse(port, [request])).received.readUInt8(2);
}

describe('a lost secret comes back', () => {
  it.each([1, 4, 5] as const)('with tickets asked for under type %i', async (seal) => {
    const [c, d] = [await helper(C), await helper(D)];
    const lost = { ...holder, secret: randomBytes(16) };
    const { port, directory } = await broken([c, d], lost);
    expect(await echoUnder(port, newSecret)).toBe(37);
    const [first, second] = [
      await ticketOf(c, seal, newSecret.subarray(0, 8)),
      await ticketOf(d, seal, newSecret.subarray(8)),
    ];
    const { received } = await converse(port, [decrypt([record(0, C, first), record(1, D, second)], nonceOf(seal))]);
    expect(received.toString('hex', 32)).toBe('01013e3e');
    expect(await echoUnder(port, newSecret)).toBe(250);
    expect(await echoUnder(port, lost.secret)).toBe(37);
    const events = openBeside(directory).prepare('SELECT action, status, address FROM events').all();
    expect(events).toEqual([{ action: 'decrypt-raida-key', status: 250, address: '127.0.0.1' }]);
  });

  it('to a server that has lost the whole page, where nothing else becomes known or in use', async () => {
    const [c, d] = [await helper(C), await helper(D)];
    const { port, directory } = await broken([c, d]);
    const [first, second] = [
      await ticketOf(c, 1, newSecret.subarray(0, 8)),
      await ticketOf(d, 1, newSecret.subarray(8)),
    ];
    await converse(port, [decrypt([record(0, C, first), record(1, D, second)], nonce)]);
    expect(await echoUnder(port, newSecret)).toBe(250);
    const page = openBeside(directory).prepare('SELECT in_use FROM free_pages').pluck().all();
    expect(page).toEqual([1]);
  });

  it('in one half while the other helper is unreachable, and in the other half later', async () => {
    const [c, d] = [await helper(C), await helper(D)];
    const lost = { ...holder, secret: randomBytes(16) };
    const { port } = await broken([c, d], lost);
    const first = await ticketOf(c, 1, newSecret.subarray(0, 8));
    const half = await converse(port, [decrypt([record(0, C, first), record(1, D, Buffer.alloc(16))], nonce)]);
    expect(half.received.toString('hex', 32)).toBe('01003e3e');
    expect(await echoUnder(port, Buffer.concat([newSecret.subarray(0, 8), lost.secret.subarray(8)]))).toBe(250);
    const second = await ticketOf(d, 1, newSecret.subarray(8));
    await converse(port, [decrypt([record(1, D, second)], nonce)]);
    expect(await echoUnder(port, newSecret)).toBe(250);
  });

  it('not with a ticket that another holder asked for', async () => {
    const [c, d] = [await helper(C), await helper(D)];
    const lost = { ...holder, secret: randomBytes(16) };
    const { port } = await broken([c, d], lost);
    const thief: Helper = { ...c, coin: c.second };
    const stolen = await ticketOf(thief, 1, newSecret.subarray(0, 8));
    const { received } = await converse(port, [decrypt([record(0, C, stolen)], nonce)]);
    expect(received.toString('hex', 32)).toBe('003e3e');
    expect(await echoUnder(port, lost.secret)).toBe(250);
  });

  it('not with the tickets of an owner who has changed the secret since', async () => {
    const [c, d] = [await helper(C), await helper(D)];
    const { port } = await broken([c, d], { ...holder, secret: randomBytes(16) });
    const old = await ticketOf(c, 1, newSecret.subarray(0, 8));
    const later = await ticketOf(c, 1, Buffer.alloc(8, 9));
    const send = async (ticket: Buffer) =>
      (await converse(port, [decrypt([record(0, C, ticket)], nonce)])).received.toString('hex', 32);
    expect([await send(old), await send(old), await send(later), await send(old), await send(later)]).toEqual([
      '013e3e',
      '013e3e',
      '013e3e',
      '003e3e',
      '013e3e',
    ]);
  });
});
