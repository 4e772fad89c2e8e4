import {
  type BillingFacts,
  billingTask,
  draftOfLines,
  eInvoiceHold,
  gstHold,
  type Held,
  orHeld,
  type Plans,
} from '#billing';
import { type DraftInvoice, lineKey, rebilled } from '#invoicing';
import { decimal, minorUnits } from '#money';
import type { Database, Refusal, Transaction } from '#persistence';
import { loadPeriodDocuments } from '#persistence/documents';
import { type DraftEditRefusal, type DraftInReview, editDraft, type NewDraftEdit } from '#persistence/closes';
import { type Renderer, unprintableHold } from './issuing.js';

/** An account of a close, as an operator names it. */
interface InReview {
  readonly closeId: string;
  readonly accountId: string;
}

/** What an operator asks to be done to a draft. A line to leave out is named by its position on the draft. */
export type AskedEdit =
  | Exclude<NewDraftEdit, { readonly kind: 'leave_out' }>
  | { readonly kind: 'leave_out'; readonly position: number; readonly reason: string };

/** What operators do to drafts before they release them. */
export class Reviews {
  readonly #database: Database;
  readonly #options: { readonly plans: Plans; readonly renderer: Renderer };

  constructor({ database, ...options }: { database: Database; plans: Plans; renderer: Renderer }) {
    this.#database = database;
    this.#options = options;
  }

  /** Adds a line or a note, or leaves a line of the plan out, and draws the draft up anew. */
  edit(of: InReview, asked: AskedEdit, actor: string): ReturnType<typeof editDraft> {
    return this.#edit(of, (draft) => meant(asked, draft), actor);
  }

  /** Takes an edit back, and draws the draft up anew. */
  withdraw(of: InReview, editId: string, actor: string): ReturnType<typeof editDraft> {
    return this.#edit(of, { withdraw: editId }, actor);
  }

  #edit(of: InReview, edit: Parameters<typeof editDraft>[2]['edit'], actor: string): ReturnType<typeof editDraft> {
    return editDraft(this.#database, of, {
      actor,
      edit,
      draft: (tx, draft, facts) => this.#draft(tx, draft, facts),
    });
  }

  async #draft(
    tx: Transaction,
    { accountId, periodLabel, document, plan }: DraftInReview,
    facts: BillingFacts,
  ): Promise<Omit<DraftInvoice, 'inputs_hash'> | Refusal<DraftEditRefusal>> {
    const { plans, renderer } = this.#options;
    const drafted = orHeld(() =>
      draftOfLines(billingTask(facts, periodLabel, plans), plan, {
        dialectSha256: document.dialect_sha256,
        layoutVersion: document.layout_version,
        revision: 1,
        zero: facts.seller.operations.zeroInvoices,
      }),
    );
    if (drafted.outcome === 'empty') {
      return refusal(
        'nothing_left_to_bill',
        'nothing would be left on the draft; leave it in review, or bill one line',
      );
    }
    if (drafted.outcome === 'held') return wouldBeHeld(drafted);
    const objection =
      unprintableHold(renderer, drafted.draft) ?? gstHold(facts, drafted.draft) ?? eInvoiceHold(drafted.draft);
    if (objection) return wouldBeHeld(objection);
    if (document.replaces === undefined) return drafted.draft;
    const { documents } = await loadPeriodDocuments(tx, { accountId, periodLabel });
    return rebilled(drafted.draft, documents);
  }
}

function wouldBeHeld({ reason: { code, message } }: Held): Refusal<DraftEditRefusal> {
  return refusal('draft_would_be_held', `the draft would be held (${code}): ${message}`);
}

function refusal(code: DraftEditRefusal, message: string, pointer?: string): Refusal<DraftEditRefusal> {
  return { outcome: 'refused', code, message, ...(pointer !== undefined && { pointer }) };
}

/** The edit that an operator means, from the draft as it is. */
function meant(asked: AskedEdit, { document, plan }: DraftInReview): NewDraftEdit | Refusal<DraftEditRefusal> {
  if (asked.kind === 'leave_out') {
    const { kind, position, reason } = asked;
    const line = document.lines.find((each) => each.position === position);
    const key = line && lineKey(line);
    if (!line || !plan.some((each) => lineKey(each) === key)) {
      const message = line
        ? `line ${position} was added by an operator; withdraw that edit, or cancel the adjustment`
        : `the draft has no line ${position}`;
      return refusal('line_not_found', message, '/position');
    }
    return { kind, line: lineKey(line), description: line.description, reason };
  }
  if (asked.kind === 'note') return asked;
  const digits = minorUnits(document.currency);
  if (decimal(asked.amount).decimalPlaces() > digits) {
    return refusal('too_many_decimals', `an amount in ${document.currency} has at most ${digits} decimals`, '/amount');
  }
  return { ...asked, amount: decimal(asked.amount).toFixed(digits) };
}
