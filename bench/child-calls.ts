/** What a process of the suite can be asked: names and what answers them. */
// biome-ignore lint/suspicious/noExplicitAny: every call has an argument and a result of its own; Child keeps their types.
export type Calls = Readonly<Record<string, (argument: any) => unknown>>;

export interface CallMessage {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

export interface ResultMessage {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Answers the calls of the parent process, and ends with it. */
export function answerCalls(calls: Calls): void {
  process.on('message', async ({ id, name, argument }: CallMessage) => {
    try {
      process.send?.({ id, result: await calls[name]?.(argument) } satisfies ResultMessage);
    } catch (error) {
      process.send?.({ id, error: String((error as Error).stack) } satisfies ResultMessage);
    }
  });
  process.on('disconnect', () => process.exit(0));
}
