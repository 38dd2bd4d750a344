/** What goes over the operator's socket, a line of JSON each. */
export const controlSocketName = 'control.sock';

export type ControlRequest =
  /** How the node is; the result is a NodeHealth. */
  | { readonly verb: 'health' }
  /** Copies the database into a new file; the result says nothing. */
  | { readonly verb: 'copy-database'; readonly target: string }
  /** Removes keys posted before a time in milliseconds since 1970; the result is how many went. */
  | { readonly verb: 'purge-keys'; readonly before: number }
  /** Undoes a reconstruction; the result is a list of what was put back. */
  | { readonly verb: 'revert'; readonly event: number };

export interface NodeHealth {
  /** Whether requests that write are carried out. */
  readonly ready: boolean;
  readonly port: number;
  /** Number of the newest event. */
  readonly sequence: number;
  readonly version: string;
}

export type ControlVerb = ControlRequest['verb'];

export type ControlMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly name: string; readonly message: string };
