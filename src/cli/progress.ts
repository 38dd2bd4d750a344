const barWidth = 30;
const redrawIntervalMs = 100;

/** A progress bar on standard error, drawn only where that is a terminal. */
export class ProgressBar {
  readonly #label: string;
  readonly #total: number;
  #done = 0;
  #drawnAtMs = 0;

  constructor(label: string, total: number) {
    this.#label = label;
    this.#total = total;
  }

  advance(steps = 1): void {
    this.#done += steps;
    const now = performance.now();
    if (now - this.#drawnAtMs < redrawIntervalMs) return;
    this.#drawnAtMs = now;
    this.#draw();
  }

  finish(): void {
    if (!process.stderr.isTTY) return;
    this.#draw();
    process.stderr.write('\n');
  }

  #draw(): void {
    if (!process.stderr.isTTY) return;
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total);
    const filled = Math.round(share * barWidth);
    const bar = '#'.repeat(filled) + '.'.repeat(barWidth - filled);
    process.stderr.write(`\r${this.#label} [${bar}] ${this.#done} of ${this.#total}`);
  }
}

/** Progress of work in several parts whose sizes are known only as it goes. */
export class StepProgress {
  #drawnAtMs = 0;
  #drawn = false;

  show(part: string, done: number, total: number): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#drawnAtMs < redrawIntervalMs) return;
    this.#drawnAtMs = now;
    this.#drawn = true;
    const percent = total === 0 ? 100 : Math.min(100, Math.round((done / total) * 100));
    process.stderr.write(`\r${part} ${percent} %`.padEnd(barWidth));
  }

  finish(): void {
    if (this.#drawn) process.stderr.write('\n');
  }
}
