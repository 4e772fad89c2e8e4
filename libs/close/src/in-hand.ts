import type { Database } from '#persistence';
import { type Claim, giveSigns, type SeriesProgress, SIGN_OF_LIFE_SECONDS } from '#persistence/closes';

/** Series from which on it is worth a statement to tell at once how far an account has come. */
const MANY_SERIES = 100;

/** The accounts that this process has in hand. It gives signs of life for all of them until each is let go. */
export class InHand {
  readonly #database: Database;
  readonly #closeId: string;
  readonly #accounts = new Map<string, Claim & { series?: SeriesProgress }>();
  readonly #timer: NodeJS.Timeout;

  constructor(database: Database, closeId: string, claims: readonly Claim[]) {
    this.#database = database;
    this.#closeId = closeId;
    for (const claim of claims) this.#accounts.set(claim.accountId, { ...claim });
    this.#timer = setInterval(() => void this.#give(), SIGN_OF_LIFE_SECONDS * 1_000);
  }

  /** Told with the next sign. */
  note(accountId: string, series: SeriesProgress): void {
    const account = this.#accounts.get(accountId);
    if (account) account.series = series;
  }

  /** Told at once, for an account that takes a while. */
  async tell(accountId: string, series: SeriesProgress): Promise<void> {
    this.note(accountId, series);
    if (series.needed >= MANY_SERIES) await this.#give();
  }

  letGo(): void {
    clearInterval(this.#timer);
    this.#accounts.clear();
  }

  // A sign that does not get through says nothing; the next may.
  async #give(): Promise<void> {
    const accounts = [...this.#accounts.values()];
    if (accounts.length > 0) await giveSigns(this.#database, this.#closeId, accounts).catch(() => undefined);
  }
}
