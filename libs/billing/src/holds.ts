/** A reason or a warning that a machine can branch on and a clerk can read. */
export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** An account that a close may not bill yet, and why. */
export interface Held {
  readonly outcome: 'held';
  readonly reason: Notice;
  readonly warnings: readonly Notice[];
  /** There where the cause passes by itself, so that the service may try again. */
  readonly passing?: { readonly leftAloneSeconds: number | undefined };
}

export function held(code: string, message: string, warnings: readonly Notice[] = []): Held {
  return { outcome: 'held', reason: { code, message }, warnings };
}

/** A notice without whatever else its source says of it. */
export function toNotice({ code, message }: Notice): Notice {
  return { code, message };
}

/** Notices, each once. */
export function distinct(notices: readonly Notice[]): Notice[] {
  const seen = new Map(notices.map((notice) => [`${notice.code} ${notice.message}`, notice]));
  return [...seen.values()];
}
