import type { Status } from './status.ts';

/** The answer is no: undoes the request's work and becomes its status. The reason is a short word for the event log. */
export class Refusal extends Error {
  readonly status: Status;
  readonly reason: string;

  constructor(status: Status, reason: string) {
    super(reason);
    this.name = 'Refusal';
    this.status = status;
    this.reason = reason;
  }
}
