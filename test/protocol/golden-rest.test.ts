import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { startNode } from '../../src/server/node.ts';
import { fixedNow, type GivenCoin, makeNode, openBeside, systemRandom, watchedLogger } from '../support/harness.ts';
import { converse } from '../support/socket.ts';
import { buildRequest, challengeOf, ctr, defaultChallenge, masked, postPayload } from '../support/wire.ts';

/**
 * Golden vectors where they matter most, on the wire: reconstructions, tickets, bounds and what a deployed server answered,
 * over a real socket with scripted randomness. And no vector is left without a test.
 */
const file = new URL('../vectors/key-exchange.json', import.meta.url);
type Values = Readonly<Record<string, string>> &
  Readonly<Record<'ks' | 'kl' | 'status' | 'body_len' | 'target_sn', number>>;
interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly given: Values;
  readonly expect: Values & { readonly stored_record?: string | null };
}

const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  vectors: Vector[];
  recorded: {
    an_2_77: string;
    an_1_300: string;
    items: { name: string; request: string; response: string; ticket?: string; ticket_plain?: string }[];
  };
};
const ofKind = (kind: string) => golden.vectors.filter((vector) => vector.kind === kind);
const hex = (text: string | undefined) => Buffer.from(text ?? '', 'hex');

function find(id: string): Vector {
  const vector = golden.vectors.find((each) => each.id === id);
  if (vector === undefined) throw new Error(`no vector ${id}`);
  return vector;
}

const caller: GivenCoin = { denomination: 2, serialNumber: 77, secret: hex('00112233445566778899aabbccddeeff') };
const recipient: GivenCoin = { denomination: 1, serialNumber: 300, secret: hex('f0e1d2c3b4a5968778695a4b3c2d1e0f') };

/** A node in November 2026 that draws the given bytes first. */
async function serveScripted(directory: string, draw = ''): Promise<number> {
  let left: string | undefined = draw;
  const node = await startNode({
    directory,
    config: parseConfig('[server]\nhost = "127.0.0.1"\nport = 0\n', 'test'),
    logger: watchedLogger,
    clock: { now: () => fixedNow, monotonicMs: () => performance.now() },
    random: {
      bytes: (size) => {
        if (left?.length !== size * 2) return systemRandom.bytes(size);
        const drawn = hex(left);
        left = undefined;
        return drawn;
      },
    },
  });
  onTestFinished(() => node.stop());
  return node.port;
}

const recordOf = (page: Buffer, serialNumber: number) => {
  const start = (serialNumber % 1_024) * 17;
  return page.subarray(start, start + 17).toString('hex');
};

describe('over a socket', () => {
  it.each(ofKind('decrypt_raida_key'))('$id', async ({ given, expect: wanted }) => {
    const secret = hex(given.old_record_17).subarray(0, 16);
    const target = { denomination: 2, serialNumber: given.target_sn, secret, mfs: 1 };
    const directory = makeNode([target], { [given.coin_file_name ?? '']: hex(given.coin_file) });
    const { received } = await converse(await serveScripted(directory), [hex(wanted.frame)]);
    expect([received.readUInt8(2), received.toString('hex', 32)]).toEqual([wanted.status, wanted.response_body]);
    const page = openBeside(directory).prepare('SELECT records FROM coin_pages').pluck().get() as Buffer;
    expect(recordOf(page, given.target_sn)).toBe(`${wanted.an_after_both}2d`);
  });

  it.each(['length', 'post_key_bounds'].flatMap(ofKind).filter(({ id }) => id !== 'cmd-lengths'))(
    '$id',
    async ({ kind, given, expect: wanted }) => {
      const { given: coin } = find('45-mission-nonce');
      const directory = makeNode([], { [coin.coin_file_name ?? '']: hex(coin.coin_file) });
      const port = await serveScripted(directory);
      const decrypt = () => Buffer.concat([hex('01000036b1'), Buffer.alloc(given.body_len - 23)]);
      const bounds = () => postPayload(Buffer.alloc(16, 9), hex('010000012c'), hex(given.key128), given.ks, given.kl);
      const isPost = kind === 'post_key_bounds';
      const request = buildRequest({ group: 4, command: isPost ? 41 : 45, payload: isPost ? bounds() : decrypt() });
      expect((await converse(port, [request])).received.readUInt8(2)).toBe(wanted.status);
      if (!isPost) return;
      const row = openBeside(directory).prepare('SELECT hex(key) FROM chat_keys').pluck().get();
      const stored = wanted.stored_record ?? null;
      expect(row ?? null).toBe(stored === null ? null : stored.slice(10).toUpperCase());
    },
  );

  const sealed: [name: string, frame: string, body: string, draw: string, signature: Buffer][] = [
    ...(['type0', 'type1'] as const).map((type): [string, string, string, string, Buffer] => {
      const { given, expect: wanted } = find('44-mission-xor');
      const signature = type === 'type0' ? defaultChallenge : hex(find('req-43-type1').expect.challenge_hash);
      return [
        `44-mission-xor ${type}`,
        wanted[`frame_${type}`] ?? '',
        wanted[`response_body_${type}`] ?? '',
        given.injected_K ?? '',
        signature,
      ];
    }),
    [
      '44-ticket type0',
      find('44-ticket').expect.frame_type0 ?? '',
      `${find('44-ticket').expect.ticket_type0}3e3e`,
      find('44-ticket').given.injected_random2 ?? '',
      defaultChallenge,
    ],
  ];
  it.each(sealed)('%s', async (_, frame, body, draw, signature) => {
    const port = await serveScripted(makeNode([caller, recipient]), draw);
    const { received } = await converse(port, [hex(frame)]);
    expect([received.readUInt8(2), received.toString('hex', 32)]).toEqual([0, body]);
    expect(received.toString('hex', 16, 32)).toBe(signature.toString('hex'));
  });

  it('resp-43-type0: every byte, after req-41-type0', async () => {
    const port = await serveScripted(makeNode());
    await converse(port, [hex(find('req-41-type0').expect.frame)]);
    const { received } = await converse(port, [hex(find('req-43-type0').expect.frame)]);
    expect(masked(received)).toBe(find('resp-43-type0').expect.frame);
  });
});

describe('recorded from a deployed server', () => {
  const coins = [
    { denomination: 2, serialNumber: 77, secret: hex(golden.recorded.an_2_77) },
    { denomination: 1, serialNumber: 300, secret: hex(golden.recorded.an_1_300) },
  ];
  it.each(golden.recorded.items)('$name', async ({ request, response, ticket, ticket_plain }) => {
    const port = await serveScripted(makeNode(coins), '77d9');
    await converse(port, [hex(find('req-41-type0').expect.frame)]);
    const { received } = await converse(port, [hex(request)]);
    if (ticket === undefined || ticket_plain === undefined) {
      expect(masked(received)).toBe(response);
      return;
    }
    // Deployed servers name the recipient; this node names the coin that proved itself (KX-44.5). Nothing else differs.
    const block = hex('a0a1a2a3a4a5a6a70000000000000000');
    const [proved = caller, sealing = recipient] = coins;
    expect(ctr(sealing.secret, block, hex(ticket)).toString('hex')).toBe(ticket_plain);
    const own = ctr(sealing.secret, block, ctr(proved.secret, block, received.subarray(32, 48))).toString('hex');
    expect(own).toBe(ticket_plain.replace('010000012c', '020000004d'));
    expect(masked(received).slice(0, 64)).toBe(response.slice(0, 64));
    expect(received.toString('hex', 48)).toBe('3e3e');
  });
});

describe('the vectors themselves', () => {
  it('chash-type0: the signature of type 0 is the challenge', async () => {
    const { given, expect: wanted } = find('chash-type0');
    const request = buildRequest({ group: 0, command: 0, challenge: hex(given.challenge) });
    const { received } = await converse(await serveScripted(makeNode()), [request]);
    expect(received.toString('hex', 16, 32)).toBe(wanted.hash);
    expect(challengeOf(hex(given.challenge)).toString('hex')).toBe(given.challenge);
  });

  it('key-file-name (FL-4)', () => {
    const { given, expect: wanted } = find('key-file-name');
    expect(`Keys/${given.key_id}`).toBe(wanted.file);
    expect(find('req-41-type0').expect.legacy_file).toBe(wanted.file);
  });

  it('are each named, or run by their kind, in a test', () => {
    const texts = ['./golden-vectors.test.ts', './golden-rest.test.ts'].map((name) =>
      readFileSync(new URL(name, import.meta.url), 'utf8'),
    );
    const text = texts.join('\n');
    const kinds = ['crc32', 'aes', 'post_key_bounds', 'decrypt_raida_key', 'length'];
    for (const kind of kinds) expect(text, kind).toMatch(new RegExp(`'${kind}'`));
    const missing = golden.vectors.filter(({ id, kind }) => !kinds.includes(kind) && !text.includes(`'${id}`));
    expect(missing.map(({ id }) => id)).toEqual([]);
    expect(golden.vectors.length + golden.recorded.items.length).toBe(42);
  });
});
