/** Tasks count from 1, and start over long before they are no integers of 32 bits. */
const noTask = 0;
const tasksMax = 2 ** 30;
const stopped = -1;

/** Whoever answers hardly sooner than is needed goes on so many questions later: those between come too late. */
const lead = 4;
/** How often the thread looks for the next question before it sleeps: for some twenty microseconds, less than it takes to wake it. */
const looks = 1_000;

/** The control words: the latest task, its questions so far, and how many of them are past. */
const latest = 0;
const count = 1;
const past = 2;
/** What changes with each call, and whether one is waited for. */
const calls = 3;
const waiting = 4;
const controlWords = 16;

/**
 * Questions that one thread asks another, in memory that they share; the one that asks never waits. A task is what is asked
 * for together. Each question has a place, where its text and its answer are, which is whoever has this for; and the number
 * of the task that it was answered for, written last: where that is the latest task, the answer is whole.
 */
export class SharedWork {
  readonly #control: Int32Array;
  /** For which task each question was answered. */
  readonly #tasks: Int32Array;

  /** Words that it takes in the shared memory, for so many questions at once. */
  static wordsFor(questions: number): number {
    return controlWords + questions;
  }

  /** In `wordsFor` words of shared memory, zeros at first. */
  constructor(words: Int32Array) {
    this.#control = words.subarray(0, controlWords);
    this.#tasks = words.subarray(controlWords);
  }

  /** Begins a task; what was asked before is of no use any more. After `stop` there are no tasks. */
  begin(): void {
    const before = Atomics.load(this.#control, latest);
    if (before === stopped) return;
    const task = (before % tasksMax) + 1;
    if (task === 1) this.#tasks.fill(noTask);
    Atomics.store(this.#control, count, 0);
    Atomics.store(this.#control, past, 0);
    Atomics.store(this.#control, latest, task);
  }

  /** The place of the question that comes next; undefined where there is no room for it. */
  next(): number | undefined {
    const place = Atomics.load(this.#control, count);
    return place < this.#tasks.length ? place : undefined;
  }

  /** Asks that question, which stands at its place by now. */
  ask(): void {
    Atomics.add(this.#control, count, 1);
    // Calling takes as long as a question, and one that is called takes its time to wake.
    if (Atomics.load(this.#control, waiting) === 1) this.#call();
  }

  /** So many questions from the first one on need no answer any more. */
  pass(questions: number): void {
    if (questions > Atomics.load(this.#control, past)) Atomics.store(this.#control, past, questions);
  }

  /** Whether a question of the latest task is answered. */
  isAnswered(place: number): boolean {
    return Atomics.load(this.#tasks, place) === Atomics.load(this.#control, latest);
  }

  /** Ends the other thread's `answer`. */
  stop(): void {
    Atomics.store(this.#control, latest, stopped);
    this.#call();
  }

  #call(): void {
    Atomics.store(this.#control, waiting, 0);
    Atomics.add(this.#control, calls, 1);
    Atomics.notify(this.#control, calls);
  }

  /**
   * For the other thread: answers as long as there are questions; `answerAt` says whether there is an answer to the one at a
   * place. It may find there what was written only in part, or for the next task: that answer does not count, and it is asked
   * nothing more before `work` begins anew. `work` is what is done about questions that follow each other, and gets the
   * function that does it. Waits where there is nothing to do. Returns after `stop`.
   */
  answer(work: (answerAll: () => void) => void, answerAt: (place: number) => boolean): void {
    let task = noTask;
    let place = 0;
    const answerAll = () => {
      while (Atomics.load(this.#control, latest) === task && place < Atomics.load(this.#control, count)) {
        if (answerAt(place)) Atomics.store(this.#tasks, place, task);
        place += 1;
        const needed = Atomics.load(this.#control, past);
        if (place <= needed) place = needed + lead;
      }
    };
    const isAsked = () => Atomics.load(this.#control, latest) !== task || place < Atomics.load(this.#control, count);
    for (;;) {
      for (let look = 0; look < looks && !isAsked(); look += 1);
      const seen = Atomics.load(this.#control, calls);
      // Said before looking for the last time: whoever asks after that knows of it.
      Atomics.store(this.#control, waiting, 1);
      const found = Atomics.load(this.#control, latest);
      if (found === stopped) return;
      if (found !== task) place = 0;
      task = found;
      if (place >= Atomics.load(this.#control, count)) {
        Atomics.wait(this.#control, calls, seen);
        continue;
      }
      Atomics.store(this.#control, waiting, 0);
      work(answerAll);
    }
  }
}
