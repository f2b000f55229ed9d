/** Progress of a long command: a bar on a terminal, lines elsewhere. */

/** Cells of the bar. */
const barWidth = 30;

/** Shortest pause between two updates: a bar should move, a log should stay readable. ms */
const pauseMs = { terminal: 200, log: 5_000 };

/** How far a command is, and what it is doing. */
type Shown = { done: number; total: number; text: string };

/** Shows progress; disposing of it ends the terminal's line. */
export class Progress implements Disposable {
  readonly #isTerminal = process.stderr.isTTY === true;
  #shownMs = performance.now();
  #isOpen = false;

  /** Shows `done` of `total`. */
  show({ done, total, text }: Shown): void {
    this.#shownMs = performance.now();
    if (!this.#isTerminal) {
      process.stderr.write(`${text}\n`);
      return;
    }
    this.#isOpen = true;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const cells = Math.round(share * barWidth);
    const bar = "█".repeat(cells) + "░".repeat(barWidth - cells);
    process.stderr.write(`\r\u001b[K${bar} ${String(Math.floor(share * 100)).padStart(3)}% ${text}`);
  }

  /** Shows progress if nothing was shown for a while. */
  showNowAndThen(shown: Shown): void {
    if (performance.now() - this.#shownMs >= (this.#isTerminal ? pauseMs.terminal : pauseMs.log)) this.show(shown);
  }

  /** Ends the terminal's line, so that other output starts on a new one. */
  end(): void {
    if (this.#isOpen) process.stderr.write("\n");
    this.#isOpen = false;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
