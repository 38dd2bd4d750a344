import type { Status } from '../protocol/status.ts';

/** Hears what the node does, for metrics; absent where nobody wants to know. */
export interface Observer {
  answered(command: string, status: Status, durationMs: number, reason: string | undefined): void;
  /** A write transaction with so many requests is on disk. */
  committed(durationMs: number, requests: number): void;
  /** A stored row was not what it once was. */
  damaged(): void;
  connectionRejected(): void;
}
