/** Thrown when subscriptions, versions or a derivation break their contract; never for usage that is merely missing. */
export class RatingError extends Error {
  readonly retryable = false;
  constructor(
    readonly code: 'no_version_in_force' | 'overlapping_subscriptions' | 'unknown_advance' | 'unknown_derivation',
    message: string,
  ) {
    super(message);
    this.name = 'RatingError';
  }
}
