/**
 * Key alert, group 4, code 42 (KX-42): tells the node that a key waits for somebody. Any well-formed body, or none, is
 * acknowledged; the event is the log. Reads and writes nothing.
 */
import { Status } from '../../protocol/status.ts';
import { defineCommand, emptyPayload } from '../command.ts';

export const keyAlert = defineCommand({
  group: 4,
  code: 42,
  name: 'key-alert',
  access: 'read',
  usesPayload: false,
  answersEmptyBody: true,
  refuseSize: () => undefined,
  parse: () => undefined,
  execute: () => undefined,
  encode: () => ({ status: Status.SUCCESS, payload: emptyPayload }),
  trace: () => ({}),
});
