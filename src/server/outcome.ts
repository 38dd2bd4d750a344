import { Buffer } from 'node:buffer';
import type { Trace } from '../commands/command.ts';
import type { OpenedBody } from '../protocol/body.ts';
import { Status } from '../protocol/status.ts';
import type { Answered } from '../storage/replay-window.ts';

/** What became of one request, before it is sealed. */
export interface Outcome {
  readonly status: Status;
  readonly payload: Buffer;
  readonly reason?: string | undefined;
  readonly opened?: OpenedBody | undefined;
  readonly trace: Trace;
  /** Leaves no event: it was not carried out, or it was before. */
  readonly unrecorded?: true;
}

export const emptyPayload = Buffer.alloc(0);
export const nothingTraced: Trace = {};

/** Limits are checked before anything else is done, so the reply is not signed and there is no event. */
export function turnedAway(reason: string): Outcome {
  return { status: Status.FILESYSTEM, payload: emptyPayload, reason, trace: nothingTraced, unrecorded: true };
}

/** The answer of the first time, sealed anew. */
export function again({ status, payload }: Answered, opened: OpenedBody): Outcome {
  return { status: status as Status, payload, opened, trace: nothingTraced, unrecorded: true };
}

/** What could not even be tried. */
export const failure: Outcome = {
  status: Status.FILESYSTEM,
  payload: emptyPayload,
  reason: 'storage',
  trace: nothingTraced,
};
