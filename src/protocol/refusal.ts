import type { Status } from './status.ts';

/**
 * The answer is no: undoes the request's work and becomes its status. The reason is a short word for the event log. It is
 * thrown, but no Error: taking down a stack took longer than all the rest of a refused request, and anybody can cause one.
 */
export class Refusal {
  readonly status: Status;
  readonly reason: string;

  constructor(status: Status, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}
