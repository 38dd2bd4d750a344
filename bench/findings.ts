/** One measured comparison: a rate against its ceiling, or a value against its limit. */
export interface Finding {
  readonly name: string;
  /** What is compared with what, or what the value is. */
  readonly measure: string;
  readonly value: number;
  readonly unit: 'ratio' | 'ms' | 'KB' | 'MB' | 's' | 'bytes';
  /** Requests a second. */
  readonly nodeRate?: number | undefined;
  readonly ceilingRate?: number | undefined;
  readonly goal?: Goal | undefined;
  readonly details?: Readonly<Record<string, number>> | undefined;
}

/** What is to be reached, as a sentence and as a number. */
export interface Goal {
  readonly text: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export function isMet({ value, goal }: Finding): boolean {
  return value >= (goal?.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (goal?.atMost ?? Number.POSITIVE_INFINITY);
}
