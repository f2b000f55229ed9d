/** Progress of a long command: a bar on a terminal, lines elsewhere. */

/** Cells of the bar. */
const barWidth = 30;

/** Shows how far something is; `end` leaves the terminal's line. */
export class Progress implements Disposable {
  readonly #isTerminal = process.stderr.isTTY === true;

  /** Shows `done` of `total`, and what is being done. */
  show({ done, total, text }: { done: number; total: number; text: string }): void {
    if (!this.#isTerminal) {
      process.stderr.write(`${text}\n`);
      return;
    }
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const cells = Math.round(share * barWidth);
    const bar = "█".repeat(cells) + "░".repeat(barWidth - cells);
    process.stderr.write(`\r\u001b[K${bar} ${String(Math.floor(share * 100)).padStart(3)}% ${text}`);
  }

  [Symbol.dispose](): void {
    if (this.#isTerminal) process.stderr.write("\n");
  }
}
