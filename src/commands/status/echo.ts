/**
 * Echo, group 0, code 0 (ST-0): proves that the node is there and, under types 1, 4 and 5, that both sides hold the same
 * secret. Reads and writes nothing; a body of any length that carries a sound envelope is answered.
 */
import { Status } from '../../protocol/status.ts';
import { defineCommand, emptyPayload } from '../command.ts';

export const echo = defineCommand({
  group: 0,
  code: 0,
  name: 'echo',
  access: 'read',
  usesPayload: false,
  answersEmptyBody: true,
  refuseSize: () => undefined,
  parse: () => undefined,
  execute: () => undefined,
  encode: () => ({ status: Status.SUCCESS, payload: emptyPayload }),
});
