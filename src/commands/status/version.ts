/** Version, group 0, code 1 (ST-1): the program's version as ASCII text. Reads and writes nothing. */
import { Buffer } from 'node:buffer';
import { Status } from '../../protocol/status.ts';
import { defineCommand } from '../command.ts';

export const version = defineCommand({
  group: 0,
  code: 1,
  name: 'version',
  access: 'read',
  usesPayload: false,
  answersEmptyBody: true,
  refuseSize: () => undefined,
  parse: () => undefined,
  execute: (_input, _store, call) => call.node.version,
  encode: (text: string) => ({ status: Status.SUCCESS, payload: Buffer.from(text, 'ascii') }),
});
