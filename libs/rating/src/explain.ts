import type { BandwidthEvidence, BandwidthPart, Unit } from '#metering';
import { decimal, Decimal, Ratio, times } from '#money';
import { type Basis, billedQuantity, type DerivationStep, type Share, type UsageBasis } from './derivation.js';
import { type Fraction, fromFraction, shown, toFraction } from './fraction.js';
import { tellPriceStep } from './price-models/index.js';
import type { ToldStep } from './price-models/price-model.js';
import type { RatedLine } from './rated-line.js';

/** Beyond this many sites the single percentiles are left to the evidence; a page of them explains nothing. */
const MOST_PARTS_TOLD = 12;

/** A line's derivation in short sentences for the printed invoice, in the order in which it was computed. */
export function explain(line: RatedLine): string[] {
  const { basis, steps, rounding } = line.derivation;
  const money = (amount: Ratio) => moneyText(amount, rounding.digits);
  switch (basis.kind) {
    case 'usage':
      return [...tellMeasure(basis), ...tellShare(basis.share), ...steps.map((step) => tellStep(step, basis, money))];
    case 'recurring':
      return basis.shares.map(({ count, ...share }, position) => {
        const counted =
          line.unit === 'period' ? grouped(`${count}`) : `${grouped(`${count}`)} ${things(line.unit, count)}`;
        const amount = steps[position] ? money(fromFraction(steps[position].amount)) : '';
        return `${counted} × ${grouped(basis.unit_amount)}${timesShare(share)} = ${amount}`;
      });
    case 'one_time':
      return [`1 × ${grouped(basis.unit_amount)}`];
    case 'adjustment':
      // Its description is the operator's reason, and there is nothing else to it.
      return [];
    case 'discount':
    case 'minimum_spend':
      return tellPlanLine(basis, line.amount, money);
  }
}

function tellPlanLine(
  basis: Extract<Basis, { kind: 'discount' | 'minimum_spend' }>,
  amount: string,
  money: (amount: Ratio) => string,
): string[] {
  const split = basis.parts.length > 1 ? [`this tax category's part: ${grouped(amount)}`] : [];
  if (basis.kind === 'minimum_spend') {
    const required = basis.required.map(({ amount: minimum, ...share }) => `${grouped(minimum)}${timesShare(share)}`);
    const paid = decimal(basis.paid_ahead).isZero() ? '' : `, paid in advance ${grouped(basis.paid_ahead)}`;
    return [`minimum ${required.join(' + ')}, spent ${grouped(basis.spent)}${paid}`, ...split];
  }
  const remaining = Ratio.sum(basis.parts.map((part) => exact(part.remaining)));
  const of = basis.type === 'percentage' ? `${basis.value} %` : `${grouped(basis.value)}${timesShare(basis.share)}`;
  return [`${of} of ${money(remaining)}`, ...split];
}

function tellStep(step: DerivationStep, basis: UsageBasis, money: (amount: Ratio) => string): string {
  const amount = money(fromFraction(step.amount));
  const at = step.unit_price === null ? '' : ` × ${grouped(step.unit_price)}`;
  // What is scaled by its quantity has the share in the quantity; the rest is multiplied by it.
  const share = timesShare(basis.share);
  const told: ToldStep = {
    ...{ amount, at, share },
    quantity: step.quantity === null ? '' : withUnit(step.quantity, basis.unit),
    count: grouped(step.quantity ?? '0'),
    product: `${at}${basis.scaled_by === 'rate' ? share : ''} = ${amount}`,
    tier: tierText(step, basis.unit),
    withUnit: (quantity) => withUnit(quantity, basis.unit),
  };
  switch (step.kind) {
    case 'included':
      return step.quantity === step.tier?.up_to
        ? `${told.quantity} included`
        : `${told.count} of ${withUnit(step.tier?.up_to ?? '0', basis.unit)} included`;
    case 'minimum':
      return `raised to the minimum ${grouped(step.unit_price ?? '0')}${share}: + ${amount}`;
    case 'maximum':
      return `lowered to the maximum ${grouped(step.unit_price ?? '0')}${share}: ${amount}`;
    default:
      return tellPriceStep(basis.price, step.kind, told) ?? `${told.quantity}${told.product}`;
  }
}

function tierText({ tier }: DerivationStep, unit: Unit): string {
  if (tier === null) return '';
  return tier.up_to === null ? `above ${withUnit(tier.from, unit)}` : `up to ${withUnit(tier.up_to, unit)}`;
}

function tellMeasure(basis: UsageBasis): string[] {
  const { evidence } = basis;
  const rounded = tellRounding(basis);
  if (evidence === null) return rounded;
  if (evidence.metric !== 'bandwidth') {
    return evidence.direction === 'greater'
      ? [`greater of uplink ${bytes(evidence.sums.uplink)} and downlink ${bytes(evidence.sums.downlink)}`, ...rounded]
      : rounded;
  }
  const several = evidence.parts.length > 1;
  const missing = tellUnreported(evidence);
  if (evidence.parts.length > MOST_PARTS_TOLD) {
    const total = shown(fromFraction(basis.measured));
    return [
      `sum of the ${nameOf(evidence)}s of ${evidence.parts.length} sites = ${withUnit(total, 'Mbps')}`,
      ...missing,
      ...rounded,
    ];
  }
  return [
    ...evidence.parts.map((part) => `${several ? `${siteName(part)}: ` : ''}${tellPart(evidence, part)}`),
    ...missing,
    ...rounded,
  ];
}

/** How many samples are missing, and what is known of them. */
function tellUnreported({ unreported }: BandwidthEvidence): string[] {
  if (!unreported || unreported.uncontrolled === unreported.missing) return [];
  const { missing, proven_idle, quiet, lost, unanswered, unexplained } = unreported;
  const known: [count: number, of: string][] = [
    [proven_idle, 'proven idle by bytes of 0'],
    [quiet, 'in hours with a maximum of 0'],
    [lost, 'lost'],
    [unanswered, 'in hours that were not reported at all'],
    [unexplained, 'in hours with traffic'],
  ];
  const told = known.filter(([count]) => count > 0).map(([count, of]) => `${grouped(`${count}`)} ${of}`);
  return [`${grouped(`${missing}`)} samples not reported: ${told.join(', ')}`];
}

function tellPart(evidence: BandwidthEvidence, { billed, coverage }: BandwidthPart): string {
  const name = `${nameOf(evidence)} of ${grouped(`${billed.n}`)} slots`;
  const covered = `coverage ${grouped(times(decimal(coverage), new Decimal(100)).toFixed())} %`;
  const value = withUnit(billed.value, 'Mbps');
  if (billed.sample === null) return `${name} = ${value}, ${covered}`;
  const at = `${value} at ${billed.sample.start.replace('T', ' ').replace(/:\d\dZ$/, ' UTC')}`;
  const rank = billed.k === null ? '' : `rank ${grouped(`${billed.k}`)} = `;
  return `${name}: ${rank}${at}, ${grouped(`${billed.discarded ?? 0}`)} discarded, ${covered}`;
}

function nameOf({ aggregation, percentile }: BandwidthEvidence): string {
  return aggregation === 'percentile' && percentile !== null ? `${ordinal(percentile)} percentile` : aggregation;
}

function siteName({ entity, name }: BandwidthPart): string {
  return name ?? entity?.value ?? 'site';
}

function tellRounding(basis: UsageBasis): string[] {
  if (basis.round === null) return [];
  const before = fromFraction(basis.measured).dividedBy(exact(basis.base_units_per_unit));
  const after = billedQuantity(basis);
  if (before.compare(after) === 0) return [];
  return [`${withUnit(shown(before), basis.unit)} rounded to ${withUnit(shown(after), basis.unit)}`];
}

function tellShare(share: Share): string[] {
  if (fromFraction(share).compare(Ratio.ONE) === 0) return [];
  return [`in force ${grouped(share.numerator)} of ${grouped(share.denominator)} ${share.proration}s of the period`];
}

/** ` × 15/31`, or nothing for the whole. */
function timesShare(share: Fraction | null): string {
  if (share === null) return '';
  const { numerator, denominator } = lowestTerms(share);
  return numerator === denominator ? '' : ` × ${grouped(numerator)}/${grouped(denominator)}`;
}

function lowestTerms(share: Fraction): Fraction {
  const { numerator, denominator } = fromFraction(share).reduced();
  return { numerator: numerator.toFixed(), denominator: denominator.toFixed() };
}

const exact = (text: string) => Ratio.of(decimal(text));

/** At least the currency's decimals, more where the exact amount has more, `…` where it goes on. */
function moneyText(amount: Ratio, digits: number): string {
  const { denominator } = toFraction(amount);
  const [whole = '0', fraction = ''] = amount.toTruncated(denominator === '1' ? 40 : 6).split('.');
  const padded = fraction.padEnd(denominator === '1' ? digits : 6, '0');
  return `${grouped(whole)}${padded === '' ? '' : `.${padded}`}${denominator === '1' ? '' : '…'}`;
}

function bytes(text: string | null): string {
  return text === null ? 'unknown' : `${grouped(text)} B`;
}

function withUnit(quantity: string, unit: Unit): string {
  const isTime = unit === 'second' || unit === 'minute' || unit === 'hour' || unit === 'day';
  return `${grouped(quantity)} ${unit}${isTime && quantity !== '1' ? 's' : ''}`;
}

function things(unit: string, count: number): string {
  const [one, many] = THINGS[unit] ?? [unit, unit];
  return count === 1 ? one : many;
}

const THINGS: Readonly<Record<string, readonly [string, string]>> = {
  customer_site_id: ['site', 'sites'],
  msisdn: ['MSISDN', 'MSISDNs'],
  imsi: ['IMSI', 'IMSIs'],
};

function ordinal(number: string): string {
  const teen = /1[123]$/.test(number) || number.includes('.');
  const suffix = teen ? 'th' : ({ '1': 'st', '2': 'nd', '3': 'rd' }[number.slice(-1)] ?? 'th');
  return `${number}${suffix}`;
}

/** `1234567.5` as `1,234,567.5`. */
function grouped(text: string): string {
  const [whole = '', ...fraction] = text.split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.');
}
