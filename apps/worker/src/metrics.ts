import type { Closes, CloseStep } from '#close';
import type { ReportLogEntry } from '#report-client';
import { Counter, Registry } from 'prom-client';

/** How a batch ended for the worker that had it in hand. */
type BatchOutcome =
  /** Nothing of it is left to do, or the worker stopped and gave the rest back. */
  | 'worked'
  /** An account met a passing error: the queue hands the batch out again. */
  | 'to_retry'
  /** Trying again would not help; the sweep looks at it later. */
  | 'failed';

const ANSWER = {
  report_api_answered: 'answered',
  report_api_refused: 'refused',
  report_api_faulted: 'faulted',
} as const satisfies Record<ReportLogEntry['event'], string>;

/** Steps that end an account's way, as far as a worker brings it. */
const ACCOUNT_OUTCOMES = [
  'drafted',
  'issued',
  'empty',
  'waiting',
  'held',
  'failed',
] as const satisfies readonly CloseStep[];

/** Counts what this worker has done since it started. No account, no entity and no address is ever a label. */
export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #batches = new Counter({
    name: 'meterline_batches_total',
    help: 'Batches this worker had in hand, by how they ended.',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #accounts = new Counter({
    name: 'meterline_account_outcomes_total',
    help: 'Accounts this worker brought to a state, with the code of a hold or a failure.',
    labelNames: ['outcome', 'code'],
    registers: [this.#registry],
  });
  readonly #documents = new Counter({
    name: 'meterline_documents_rendered_total',
    help: 'PDFs of issued documents that this worker drew and stored.',
    registers: [this.#registry],
  });
  readonly #requests = new Counter({
    name: 'meterline_report_api_requests_total',
    help: 'Requests to report APIs: answered, refused (an answer that is not believed), or faulted (none), by code.',
    labelNames: ['outcome', 'code'],
    registers: [this.#registry],
  });

  constructor() {
    // What has not happened yet is 0 and not absent: a rate over it begins with the first one.
    for (const outcome of ['worked', 'to_retry', 'failed'] satisfies BatchOutcome[]) this.#batches.inc({ outcome }, 0);
    for (const outcome of ['drafted', 'issued', 'empty']) this.#accounts.inc({ outcome, code: '' }, 0);
    this.#requests.inc({ outcome: ANSWER.report_api_answered, code: '' }, 0);
  }

  batchEnded(outcome: BatchOutcome): void {
    this.#batches.inc({ outcome });
  }

  /** For `onStep` of closes. */
  readonly stepped: NonNullable<ConstructorParameters<typeof Closes>[0]['onStep']> = (step, { code = '' }) => {
    if (step === 'rendered') this.#documents.inc();
    const outcome = ACCOUNT_OUTCOMES.find((each) => each === step);
    if (outcome) this.#accounts.inc({ outcome, code });
  };

  /** For the log of report clients. */
  reportApiAsked({ event, code = '' }: ReportLogEntry): void {
    this.#requests.inc({ outcome: ANSWER[event], code });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
