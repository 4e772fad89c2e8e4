import { isRefusal, type Refusal } from '#persistence';

/** One thing wrong with a request: where (JSON pointer, RFC 6901) and what would be right. */
export interface ProblemEntry {
  pointer: string;
  message: string;
  code?: string;
}

/** A place in a body as a JSON pointer, RFC 6901. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** What a caller is told when a request is not done, as RFC 9457 has it. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors: ProblemEntry[];
}

/** Thrown by the doors of this application; everything it says is meant for the caller. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly more: {
      errors?: readonly ProblemEntry[] | undefined;
      headers?: Readonly<Record<string, string>>;
      /** Further members of the problem, such as `billable_at`. */
      members?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

/** Refusals that say the request itself cannot be meant so. All others are about the state of things: 409. */
const SEMANTICALLY_INVALID = new Set([
  'answer_differs',
  'credit_of_nothing',
  'currency_mismatch',
  'currency_not_in_e_invoices',
  'empty_range',
  'expiry_passed',
  'hold_not_waivable',
  'malformed_period',
  'not_supported_yet',
  'number_not_legal',
  'period_not_billable',
  'plan_not_in_force',
  'report_api_key_needed',
  'signature_invalid',
  'tax_not_of_account',
  'too_many_decimals',
]);

/** The status of a refusal. What the path names and is not there is 404; what the body names and is not there is 422. */
function statusOf({ code, pointer }: Pick<Refusal, 'code' | 'pointer'>): number {
  if (code.endsWith('_not_found')) return pointer === undefined ? 404 : 422;
  return code.startsWith('unknown_') || SEMANTICALLY_INVALID.has(code) ? 422 : 409;
}

/** A refusal as the problem it is answered with. */
export function problemOf(refused: Omit<Refusal, 'outcome'>, members: Record<string, unknown> = {}): Problem {
  const { code, message, pointer } = refused;
  return new Problem(statusOf(refused), code, message, {
    errors: pointer === undefined ? undefined : [{ pointer, message }],
    members,
  });
}

/** The result, unless it is a refusal, which is thrown as its problem. */
export function accepted<T>(result: T): Exclude<T, Refusal> {
  if (isRefusal(result)) throw problemOf(result);
  return result as Exclude<T, Refusal>;
}

/** What was found, or 404. */
export function found<T>(result: T | undefined, what: string): T {
  if (result === undefined) throw new Problem(404, 'not_found', `there is no ${what}`);
  return result;
}
