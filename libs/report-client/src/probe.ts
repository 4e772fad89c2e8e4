import type { EpochSeconds } from '#calendar';
import { OutboundAddresses } from './outbound-addresses.js';
import type { RetryPolicy } from './retry.js';
import type { SealedKey } from './sealed-key.js';
import { ReportTransport } from './transport.js';

/** Whose usage is asked for while probing. The more is named, the more can be told. */
export interface ProbeTargets {
  readonly account: string;
  /** Subscribers of the account; two that are active can prove what filters do. */
  readonly msisdns: readonly string[];
  /** A site; with all its subscribers named, whose rate a site's rate is can be told. */
  readonly site?: string | undefined;
}

export interface ProbeOptions {
  readonly baseUrl: string;
  readonly apiKey: SealedKey;
  /** Settings that are known already; the probes start from them. */
  readonly dialect?: unknown;
  readonly clock: () => EpochSeconds;
  /** Seconds between two looks at the open hour; 0 = one look only, which proves less. */
  readonly waitSeconds: number;
  readonly sleep: (seconds: number) => Promise<void>;
  readonly retry?: Partial<RetryPolicy>;
}

/** Members of a dialect's settings. */
export type ProbedSettings = Readonly<Record<string, unknown>>;

export interface ProbeFinding {
  readonly question: string;
  /** The trap of the report API's documentation that it answers. */
  readonly trap: string;
  /** Null: it could not be told. */
  readonly answer: string | null;
  /** What was seen, in counts and ratios: no ids and no subscriber's numbers. */
  readonly evidence: string;
  /** What it makes of the settings; null: nothing. */
  readonly settings: ProbedSettings | null;
}

export interface ProbeReport {
  readonly findings: readonly ProbeFinding[];
  /** All settings together. */
  readonly settings: ProbedSettings;
}

/** How a dialect is probed: asks over the transport, from what is known, and tells what it found. */
export type Probing = (
  options: ProbeOptions & { readonly transport: ReportTransport },
  targets: ProbeTargets,
) => Promise<ProbeFinding[]>;

/**
 * Probes an API as its dialect does. A dialect without a probe gives no finding.
 *
 * @throws ReportApiError when the API gives no answer
 */
export async function probed(
  probe: Probing | undefined,
  options: ProbeOptions,
  targets: ProbeTargets,
): Promise<ProbeReport> {
  const transport = new ReportTransport({
    concurrency: 2,
    // The operator names the address on the command line.
    addresses: OutboundAddresses.PUBLIC.withOrigin(options.baseUrl),
  });
  try {
    const findings = (await probe?.({ ...options, transport }, targets)) ?? [];
    const settings = findings.reduce<ProbedSettings>((all, found) => merged(all, found.settings ?? {}), {});
    return { findings, settings };
  } finally {
    await transport.close();
  }
}

/** Members one over the other; those that hold members are merged in turn. */
export function merged(under: ProbedSettings, over: ProbedSettings): ProbedSettings {
  const all: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const before = all[name];
    all[name] = isMembers(before) && isMembers(value) ? { ...before, ...value } : value;
  }
  return all;
}

function isMembers(value: unknown): value is ProbedSettings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
