/** What the simulator itself throws: an option, a switch or a fault rule that cannot be. Trying again does not help. */
export class ReportSimulatorError extends Error {
  readonly retryable = false;

  constructor(
    readonly code: 'bad_options' | 'bad_switches' | 'bad_faults' | 'bad_clock',
    message: string,
  ) {
    super(message);
    this.name = 'ReportSimulatorError';
  }
}
