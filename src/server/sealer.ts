import { Buffer } from 'node:buffer';
import type { RandomSource } from '../domain/random.ts';
import type { Logger } from '../logger.ts';
import type { HmacsAhead } from '../protocol/hmacs-ahead.ts';
import { type Answer, ReplyEncoder, runsOf } from '../protocol/reply-encoder.ts';
import { Status } from '../protocol/status.ts';
import { emptyPayload } from './outcome.ts';

/** Seals the replies of a batch. One that cannot be sealed says so, and keeps none of the others from its client. */
export class Sealer {
  readonly #encoder: ReplyEncoder;
  readonly #logger: Logger;

  constructor(random: RandomSource, logger: Logger, hmacs?: HmacsAhead) {
    this.#encoder = new ReplyEncoder(random, hmacs);
    this.#logger = logger;
  }

  /** The replies as they go to their sockets, in their order: for each run of answers to one receiver, one buffer. */
  seal(answers: readonly Answer[]): Buffer[] {
    try {
      return this.#encoder.encode(answers);
    } catch {
      return runsOf(answers).map((run) => Buffer.concat(run.flatMap((answer) => this.#sealAlone(answer))));
    }
  }

  #sealAlone(answer: Answer): Buffer[] {
    try {
      return this.#encoder.encode([answer]);
    } catch (error) {
      this.#logger.error({ err: error }, 'reply could not be sealed');
      const reply = { ...answer.reply, status: Status.INTERNAL, payload: emptyPayload };
      return new ReplyEncoder(noRandom).encode([{ ...answer, reply }]);
    }
  }
}

/** For a reply without a payload, whose nonce seals nothing. */
const noRandom: RandomSource = { bytes: (size) => Buffer.alloc(size) };
