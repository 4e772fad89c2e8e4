/** How the pages of a seller look beside others'. A document freezes it, so that it is drawn the same for as long as it is kept. */
export interface Branding {
  /** `#rrggbb`: what the house's own accent is replaced by. */
  readonly accent?: string | null | undefined;
  /** Printed at the foot of every page. */
  readonly footer?: string | null | undefined;
  /** sha256 of the logo's bytes, in lower-case hex. The bytes are kept elsewhere and never change. */
  readonly logo?: string | null | undefined;
}

/** The branding as a document freezes it, without what the seller did not choose; undefined where it chose nothing. */
export function frozenBranding(branding: Branding | null | undefined): Branding | undefined {
  const { accent, footer, logo } = branding ?? {};
  if (!accent && !footer && !logo) return undefined;
  return { ...(accent && { accent }), ...(footer && { footer }), ...(logo && { logo }) };
}
