/** Whether requests are accepted at all. The service sets it; each request checks it. */
export class Gate {
  /** True from the end of the start to the first signal to stop. */
  isAccepting = false;
  /** Whether the disk has no room for more events. */
  isDiskLow = false;
}
