/** Count coins, group 0, code 3 (ST-3): coins in use for each denomination. Reads the free-pages bitmap. */
import { Buffer } from 'node:buffer';
import { i8, u32 } from '../../bytes/numbers.ts';
import { struct } from '../../bytes/struct.ts';
import { allDenominations } from '../../domain/coin.ts';
import { Status } from '../../protocol/status.ts';
import { defineCommand } from '../command.ts';

export const countCoins = defineCommand({
  group: 0,
  code: 3,
  name: 'count-coins',
  access: 'read',
  usesPayload: false,
  answersEmptyBody: true,
  refuseSize: () => undefined,
  parse: () => undefined,
  execute: (_input, store) => store.coins.countInUse(),
  encode: (counts: Map<number, number>) => ({ status: Status.SUCCESS, payload: encodeCounts(counts) }),
});

const countLayout = struct({ denomination: i8, inUse: u32 });

function encodeCounts(counts: Map<number, number>): Buffer {
  return Buffer.concat(
    allDenominations().map((denomination) =>
      countLayout.encode({ denomination, inUse: counts.get(denomination) ?? 0 }),
    ),
  );
}
