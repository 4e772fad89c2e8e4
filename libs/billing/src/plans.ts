import { type TariffPlan, tariffPlanSchema } from '#rating';
import { BillingError } from './billing-error.js';

/**
 * Plans by the hash of their documents, each checked and parsed once: a close reads the same few published documents for
 * every account. A process has one of these and hands it in; what it remembers cannot change what a plan says.
 */
export class Plans {
  static readonly #MOST = 500;
  readonly #sha256Of: (document: unknown) => string;
  readonly #plans = new Map<string, TariffPlan>();

  /** @param sha256Of the hash of a document's canonical JSON, in hex */
  constructor(sha256Of: (document: unknown) => string) {
    this.#sha256Of = sha256Of;
  }

  /**
   * @param document a published plan as it is stored; not looked at again where its hash is known
   * @throws BillingError `document_altered` where the document has another hash
   */
  planOf(document: unknown, sha256: string): TariffPlan {
    const known = this.#plans.get(sha256);
    if (known) return known;
    if (this.#sha256Of(document) !== sha256) {
      throw new BillingError(
        'document_altered',
        `the tariff plan of sha256 ${sha256} differs from what was published and is not used; restore it from a backup`,
      );
    }
    const plan = tariffPlanSchema.parse(document);
    if (this.#plans.size >= Plans.#MOST) this.#plans.clear();
    this.#plans.set(sha256, plan);
    return plan;
  }
}
