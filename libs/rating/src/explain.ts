import type { BandwidthEvidence, BandwidthPart, Unit } from '#metering';
import { decimal, Decimal, Ratio, times } from '#money';
import type { ExplanationWords } from './explanation-words.js';
import { type Basis, billedQuantity, type DerivationStep, type Share, type UsageBasis } from './derivation.js';
import { type Fraction, fromFraction, shown, toFraction } from './fraction.js';
import { tellPriceStep } from './price-models/index.js';
import type { ToldStep } from './price-models/price-model.js';
import type { RatedLine } from './rated-line.js';

/** Beyond this many sites the single percentiles are left to the evidence; a page of them explains nothing. */
const MOST_PARTS_TOLD = 12;

/** A line's derivation in short sentences of a language, in the order in which it was computed. */
export function explain(line: RatedLine, words: ExplanationWords): string[] {
  return new Explanation(line, words).sentences();
}

class Explanation {
  constructor(
    readonly line: RatedLine,
    readonly words: ExplanationWords,
  ) {}

  sentences(): string[] {
    const { line, words } = this;
    const { basis, steps } = line.derivation;
    switch (basis.kind) {
      case 'usage':
        return [...this.measure(basis), ...this.share(basis.share), ...steps.map((step) => this.step(step, basis))];
      case 'recurring':
        return basis.shares.map(({ count, ...share }, position) => {
          const figure = words.figure(`${count}`);
          const counted = isCounted(line.unit) ? `${figure} ${words.countedThings(line.unit, `${count}`)}` : figure;
          const amount = steps[position] ? this.money(fromFraction(steps[position].amount)) : '';
          return `${counted} × ${words.figure(basis.unit_amount)}${this.timesShare(share)} = ${amount}`;
        });
      case 'one_time':
        return [`1 × ${words.figure(basis.unit_amount)}`];
      case 'adjustment':
        // Its description is the operator's reason, and there is nothing else to it.
        return [];
      case 'discount':
      case 'minimum_spend':
        return this.planLine(basis);
    }
  }

  planLine(basis: Extract<Basis, { kind: 'discount' | 'minimum_spend' }>): string[] {
    const { words } = this;
    const split = basis.parts.length > 1 ? [`${words.taxPart}${words.colon}${words.figure(this.line.amount)}`] : [];
    if (basis.kind === 'minimum_spend') {
      const required = basis.required.map(
        ({ amount: minimum, ...share }) => `${words.figure(minimum)}${this.timesShare(share)}`,
      );
      const paid = decimal(basis.paid_ahead).isZero() ? [] : [words.paidAhead(words.figure(basis.paid_ahead))];
      const told = [words.minimum(required.join(' + ')), words.spent(words.figure(basis.spent)), ...paid];
      return [told.join(words.comma), ...split];
    }
    const remaining = Ratio.sum(basis.parts.map((part) => exact(part.remaining)));
    const value = words.figure(basis.value);
    const of = basis.type === 'percentage' ? words.percent(value) : `${value}${this.timesShare(basis.share)}`;
    return [words.discountOf(of, this.money(remaining)), ...split];
  }

  step(step: DerivationStep, basis: UsageBasis): string {
    const { words } = this;
    const amount = this.money(fromFraction(step.amount));
    const at = step.unit_price === null ? '' : ` × ${words.figure(step.unit_price)}`;
    // What is scaled by its quantity has the share in the quantity; the rest is multiplied by it.
    const share = this.timesShare(basis.share);
    const told: ToldStep = {
      ...{ words, amount, at, share },
      quantity: step.quantity === null ? '' : this.withUnit(step.quantity, basis.unit),
      count: words.figure(step.quantity ?? '0'),
      product: `${at}${basis.scaled_by === 'rate' ? share : ''} = ${amount}`,
      tier: this.tier(step, basis.unit),
      withUnit: (quantity) => this.withUnit(quantity, basis.unit),
    };
    const limit = `${words.figure(step.unit_price ?? '0')}${share}`;
    switch (step.kind) {
      case 'included':
        return step.quantity === step.tier?.up_to
          ? words.included(told.quantity)
          : words.includedOf(told.count, this.withUnit(step.tier?.up_to ?? '0', basis.unit));
      case 'minimum':
        return `${words.raisedTo(limit)}${words.colon}+ ${amount}`;
      case 'maximum':
        return `${words.loweredTo(limit)}${words.colon}${amount}`;
      default:
        return tellPriceStep(basis.price, step.kind, told) ?? `${told.quantity}${told.product}`;
    }
  }

  tier({ tier }: DerivationStep, unit: Unit): string {
    if (tier === null) return '';
    const { words } = this;
    return tier.up_to === null
      ? words.above(this.withUnit(tier.from, unit))
      : words.upTo(this.withUnit(tier.up_to, unit));
  }

  measure(basis: UsageBasis): string[] {
    const { evidence } = basis;
    const { words } = this;
    const rounded = this.rounding(basis);
    if (evidence === null) return rounded;
    if (evidence.metric !== 'bandwidth') {
      const { uplink, downlink } = evidence.sums;
      return evidence.direction === 'greater'
        ? [words.greaterOf(this.bytes(uplink), this.bytes(downlink)), ...rounded]
        : rounded;
    }
    const several = evidence.parts.length > 1;
    const missing = this.unreported(evidence);
    if (evidence.parts.length > MOST_PARTS_TOLD) {
      const total = this.withUnit(shown(fromFraction(basis.measured)), 'Mbps');
      const sites = words.figure(`${evidence.parts.length}`);
      return [`${words.sumOfLevels(evidence, sites)} = ${total}`, ...missing, ...rounded];
    }
    return [
      ...evidence.parts.map((part) => {
        const name = part.name ?? part.entity?.value ?? words.aSite;
        return `${several ? `${name}${words.colon}` : ''}${this.part(evidence, part)}`;
      }),
      ...missing,
      ...rounded,
    ];
  }

  /** How many samples are missing, and what is known of them. */
  unreported({ unreported }: BandwidthEvidence): string[] {
    if (!unreported || unreported.uncontrolled === unreported.missing) return [];
    const { words } = this;
    const told = FATES.filter((fate) => unreported[fate] > 0).map((fate) =>
      words.fates[fate](words.figure(`${unreported[fate]}`)),
    );
    const missing = words.samplesNotReported(words.figure(`${unreported.missing}`));
    return [`${missing}${words.colon}${told.join(words.comma)}`];
  }

  part(evidence: BandwidthEvidence, { billed, coverage }: BandwidthPart): string {
    const { words } = this;
    const name = words.ofSlots(words.level(evidence), words.figure(`${billed.n}`));
    const share = times(decimal(coverage), new Decimal(100)).toFixed();
    const covered = words.coverage(words.percent(words.figure(share)));
    const value = this.withUnit(billed.value, 'Mbps');
    if (billed.sample === null) return `${name} = ${[value, covered].join(words.comma)}`;
    const at = words.at(value, billed.sample.start.replace('T', ' ').replace(/:\d\dZ$/, ' UTC'));
    const rank = billed.k === null ? '' : `${words.rank(words.figure(`${billed.k}`))} = `;
    const discarded = words.discarded(words.figure(`${billed.discarded ?? 0}`));
    return `${name}${words.colon}${rank}${[at, discarded, covered].join(words.comma)}`;
  }

  rounding(basis: UsageBasis): string[] {
    if (basis.round === null) return [];
    const before = fromFraction(basis.measured).dividedBy(exact(basis.base_units_per_unit));
    const after = billedQuantity(basis);
    if (before.compare(after) === 0) return [];
    const [from, to] = [before, after].map((quantity) => this.withUnit(shown(quantity), basis.unit));
    return [this.words.rounded(from ?? '', to ?? '')];
  }

  share(share: Share): string[] {
    if (fromFraction(share).compare(Ratio.ONE) === 0 || share.proration === 'none') return [];
    const { words } = this;
    return [words.inForce(words.figure(share.numerator), words.figure(share.denominator), share.proration)];
  }

  /** ` × 15/31`, or nothing for the whole. */
  timesShare(share: Fraction | null): string {
    if (share === null) return '';
    const { numerator, denominator } = lowestTerms(share);
    const { words } = this;
    return numerator === denominator ? '' : ` × ${words.figure(numerator)}/${words.figure(denominator)}`;
  }

  /** At least the currency's decimals, more where the exact amount has more, `…` where it goes on. */
  money(amount: Ratio): string {
    const { digits } = this.line.derivation.rounding;
    const { denominator } = toFraction(amount);
    const [whole = '0', fraction = ''] = amount.toTruncated(denominator === '1' ? 40 : 6).split('.');
    const padded = fraction.padEnd(denominator === '1' ? digits : 6, '0');
    return `${this.words.figure(padded === '' ? whole : `${whole}.${padded}`)}${denominator === '1' ? '' : '…'}`;
  }

  bytes(text: string | null): string {
    return text === null ? this.words.unknown : `${this.words.figure(text)} B`;
  }

  withUnit(quantity: string, unit: Unit): string {
    const isTime = unit === 'second' || unit === 'minute' || unit === 'hour' || unit === 'day';
    return `${this.words.figure(quantity)} ${isTime ? this.words.timeUnit(unit, quantity) : unit}`;
  }
}

const FATES = ['proven_idle', 'quiet', 'lost', 'unanswered', 'unexplained'] as const;

function isCounted(unit: string): unit is 'customer_site_id' | 'msisdn' | 'imsi' {
  return unit === 'customer_site_id' || unit === 'msisdn' || unit === 'imsi';
}

function lowestTerms(share: Fraction): Fraction {
  const { numerator, denominator } = fromFraction(share).reduced();
  return { numerator: numerator.toFixed(), denominator: denominator.toFixed() };
}

const exact = (text: string) => Ratio.of(decimal(text));
