/**
 * Show stats, group 0, code 2 (ST-2): counters since the start, for whoever knows the admin key. Reads nothing stored.
 */
import { Buffer } from 'node:buffer';
import { u32 } from '../../bytes/numbers.ts';
import { struct } from '../../bytes/struct.ts';
import { equalSecrets } from '../../protocol/hmac.ts';
import { Refusal } from '../../protocol/refusal.ts';
import { Status } from '../../protocol/status.ts';
import { defineCommand, type Statistics } from '../command.ts';

export const showStats = defineCommand({
  group: 0,
  code: 2,
  name: 'show-stats',
  access: 'read',
  usesPayload: true,
  answersEmptyBody: false,
  refuseSize: () => undefined,
  parse: (payload) => Buffer.from(payload.subarray(0, adminKeySize)),
  execute(givenKey, _store, call) {
    const { adminKey } = call.node;
    if (adminKey === undefined || !equalSecrets(givenKey, adminKey)) throw new Refusal(Status.ADMIN_AUTH, 'admin-key');
    return call.node.statistics();
  },
  encode: (statistics: Statistics) => ({ status: Status.SUCCESS, payload: encodeStatistics(statistics) }),
});

const adminKeySize = 16;

/** Detects and powns belong to commands that this node does not have. */
const statisticsLayout = struct({ uptimeSeconds: u32, requests: u32, detects: u32, powns: u32, failures: u32 });

function encodeStatistics({ uptimeSeconds, requests, failures }: Statistics): Buffer {
  return statisticsLayout.encode({
    uptimeSeconds: uptimeSeconds >>> 0,
    requests: requests >>> 0,
    detects: 0,
    powns: 0,
    failures: failures >>> 0,
  });
}
