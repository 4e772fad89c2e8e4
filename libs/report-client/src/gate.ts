/** Lets the requests of one key through, as many at a time and as often as its API bears, other processes with the key included. */
export interface Gate {
  /**
   * Waits for a place. A request that got one calls `leave` when the answer is there, however it came.
   *
   * @throws what went wrong with the gate itself; `signal.reason` when the signal aborts first
   */
  enter(signal?: AbortSignal): Promise<{ leave(): void }>;
  /** Closes the gate for everybody: the API has asked to be left alone for so many seconds. */
  pause(seconds: number): Promise<void>;
}
