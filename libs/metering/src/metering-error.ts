/** Thrown when usage or a measure breaks its contract; never for usage that is merely missing. */
export class MeteringError extends Error {
  readonly retryable = false;
  constructor(
    readonly code: 'inconsistent_series' | 'duplicate_series' | 'duplicate_entity' | 'bad_value' | 'bad_measure',
    message: string,
  ) {
    super(message);
    this.name = 'MeteringError';
  }
}
