/**
 * A second writing of how a line's amount follows from its derivation, in exact fractions of BigInt. It shares no code
 * with the rating and takes the other road where there is one: it shrinks edges, allowances and fees with the share of
 * the period, where the rating stretches the quantity.
 */
interface Q {
  n: bigint;
  d: bigint;
}

const ZERO: Q = { n: 0n, d: 1n };
const ONE: Q = { n: 1n, d: 1n };

function q(text: string): Q {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) throw new Error(`not a decimal: ${text}`);
  const fraction = match[3] ?? '';
  const n = BigInt(`${match[2]}${fraction}`);
  return { n: match[1] ? -n : n, d: 10n ** BigInt(fraction.length) };
}
const quotient = (numerator: string, denominator: string) => div(q(numerator), q(denominator));
const add = (a: Q, b: Q): Q => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d });
const sub = (a: Q, b: Q): Q => add(a, { n: -b.n, d: b.d });
const mul = (a: Q, b: Q): Q => ({ n: a.n * b.n, d: a.d * b.d });
const div = (a: Q, b: Q): Q => (b.n < 0n ? { n: -a.n * b.d, d: a.d * -b.n } : { n: a.n * b.d, d: a.d * b.n });
const less = (a: Q, b: Q) => a.n * b.d < b.n * a.d;
const min = (a: Q, b: Q) => (less(a, b) ? a : b);
const max = (a: Q, b: Q) => (less(a, b) ? b : a);
const total = (values: Q[]) => values.reduce(add, ZERO);

function floor({ n, d }: Q): bigint {
  return n >= 0n || n % d === 0n ? n / d : n / d - 1n;
}
const whole = (n: bigint): Q => ({ n, d: 1n });
const ceil = (a: Q) => -floor({ n: -a.n, d: a.d });

function roundedUnits(value: Q, digits: number, mode: string): bigint {
  const negative = value.n < 0n;
  const scaled: Q = { n: (negative ? -value.n : value.n) * 10n ** BigInt(digits), d: value.d };
  const down = floor(scaled);
  const twice = 2n * (scaled.n - down * scaled.d);
  const up = twice > scaled.d || (twice === scaled.d && (mode === 'half_up' || down % 2n === 1n));
  const magnitude = up ? down + 1n : down;
  return negative ? -magnitude : magnitude;
}

function printedUnits(units: bigint, digits: number): string {
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0');
  const sign = units < 0n ? '-' : '';
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

// The derivation is read as the plain JSON that an auditor downloads, not as the rating's own types.
type Json = any; // eslint-disable-line @typescript-eslint/no-explicit-any

/** The line's amount and its exact value `numerator/denominator` in lowest terms, from the derivation's JSON alone. */
export function recomputeByFractions(derivation: Json): { amount: string; exact: string } {
  const { basis, rounding } = JSON.parse(JSON.stringify(derivation));
  const value = valueOf(basis, rounding);
  return {
    amount: printedUnits(roundedUnits(value, rounding.digits, rounding.mode), rounding.digits),
    exact: lowest(value),
  };
}

/** A derivation's fraction in lowest terms, for comparison. */
export function lowestTerms(fraction: { numerator: string; denominator: string }): string {
  return lowest(quotient(fraction.numerator, fraction.denominator));
}

/** The sum of the derivation's steps in lowest terms. */
export function sumOfSteps(derivation: Json): string {
  return lowest(total(derivation.steps.map(({ amount }: Json) => quotient(amount.numerator, amount.denominator))));
}

function lowest({ n, d }: Q): string {
  let [a, b] = [n < 0n ? -n : n, d];
  while (b > 0n) [a, b] = [b, a % b];
  return a === 0n ? '0/1' : `${n / a}/${d / a}`;
}

function valueOf(basis: Json, rounding: Json): Q {
  if (basis.kind === 'usage') return usage(basis);
  if (basis.kind === 'one_time') return q(basis.unit_amount);
  if (basis.kind === 'recurring') {
    const things = total(
      basis.shares.map((share: Json) => mul(whole(BigInt(share.count)), quotient(share.numerator, share.denominator))),
    );
    const amount = mul(things, q(basis.unit_amount));
    return basis.billing === 'refund' ? sub(ZERO, amount) : amount;
  }
  if (basis.kind === 'discount') return discount(basis, rounding);
  return trueUp(basis, rounding);
}

function usage(basis: Json): Q {
  const share = quotient(basis.share.numerator, basis.share.denominator);
  const scale = basis.scaled_by === 'quantity' ? share : ONE;
  const outside = basis.scaled_by === 'quantity' ? ONE : share;
  let quantity = div(quotient(basis.measured.numerator, basis.measured.denominator), q(basis.base_units_per_unit));
  if (basis.round) {
    const multiples = div(quantity, q(basis.round.to));
    const rounded = { up: ceil, down: floor, half_up: (value: Q) => roundedUnits(value, 0, 'half_up') }[
      basis.round.mode as 'up' | 'down' | 'half_up'
    ](multiples);
    quantity = mul(whole(rounded), q(basis.round.to));
  }
  const shrunk = (text: string) => mul(q(text), scale);
  const billable = basis.included === null ? quantity : max(ZERO, sub(quantity, shrunk(basis.included)));
  let price = priceOf(basis.price, billable, shrunk);
  if (basis.minimum_amount !== null) price = max(price, shrunk(basis.minimum_amount));
  if (basis.maximum_amount !== null) price = min(price, shrunk(basis.maximum_amount));
  return mul(price, outside);
}

function priceOf(price: Json, quantity: Q, shrunk: (text: string) => Q): Q {
  const used = less(ZERO, quantity);
  const tierOf = (tiers: Json[]) => tiers.find((tier) => tier.up_to === null || !less(shrunk(tier.up_to), quantity));
  switch (price.model) {
    case 'flat':
      return shrunk(price.amount);
    case 'per_unit':
      return mul(quantity, q(price.unit_price));
    case 'graduated':
      return graduated(price.tiers, quantity, shrunk);
    case 'volume': {
      if (!used) return ZERO;
      const tier = tierOf(price.tiers);
      return add(mul(quantity, q(tier.unit_price)), shrunk(tier.flat_fee ?? '0'));
    }
    case 'package': {
      const packages = div(quantity, shrunk(price.size));
      return mul(price.partial === 'whole' ? whole(ceil(packages)) : packages, shrunk(price.package_price));
    }
    case 'stairstep':
      return used ? shrunk(tierOf(price.tiers).amount) : ZERO;
    default: {
      const committed =
        price.commit_unit_price === undefined
          ? shrunk(price.commit_amount)
          : mul(shrunk(price.commit), q(price.commit_unit_price));
      const above = max(ZERO, sub(quantity, shrunk(price.commit)));
      const burst =
        price.burst_unit_price === undefined
          ? graduated(price.burst_tiers, above, shrunk)
          : mul(above, q(price.burst_unit_price));
      return add(committed, burst);
    }
  }
}

function graduated(tiers: Json[], quantity: Q, shrunk: (text: string) => Q): Q {
  return total(
    tiers.map((tier, position) => {
      const from = position === 0 ? ZERO : shrunk(tiers[position - 1].up_to);
      const reached = tier.up_to === null ? quantity : min(quantity, shrunk(tier.up_to));
      if (!less(from, reached)) return ZERO;
      return add(mul(sub(reached, from), q(tier.unit_price)), shrunk(tier.flat_fee ?? '0'));
    }),
  );
}

function discount(basis: Json, rounding: Json): Q {
  const remaining = basis.parts.map((part: Json) => q(part.remaining));
  const all = total(remaining);
  const share = basis.share === null ? ONE : quotient(basis.share.numerator, basis.share.denominator);
  const amount =
    basis.type === 'percentage' ? div(mul(all, q(basis.value)), whole(100n)) : min(mul(q(basis.value), share), all);
  const part = partOf(amount, remaining, basis.part, rounding);
  return basis.refund ? part : sub(ZERO, part);
}

function trueUp(basis: Json, rounding: Json): Q {
  const required = total(
    basis.required.map((each: Json) => mul(q(each.amount), quotient(each.numerator, each.denominator))),
  );
  const missing = max(ZERO, sub(sub(required, q(basis.spent)), q(basis.paid_ahead)));
  return partOf(
    missing,
    basis.parts.map((part: Json) => q(part.net)),
    basis.part,
    rounding,
  );
}

/** Largest remainder: every part its whole units, then one more each in the order of the remainders, earlier first. */
function partOf(amount: Q, weights: Q[], part: number, { digits, mode }: Json): Q {
  const all = total(weights);
  if (weights.length === 1 || all.n === 0n) return part === 0 ? amount : ZERO;
  const units = roundedUnits(amount, digits, mode);
  const ideals = weights.map((weight) => div(mul(whole(units), weight), all));
  const given = ideals.map(floor);
  const left = Number(units - given.reduce((sum, each) => sum + each, 0n));
  const winners = ideals
    .map((ideal, position) => ({ position, remainder: sub(ideal, whole(given[position] ?? 0n)) }))
    .sort((a, b) =>
      less(b.remainder, a.remainder) ? -1 : less(a.remainder, b.remainder) ? 1 : a.position - b.position,
    )
    .slice(0, left);
  const extra = winners.some(({ position }) => position === part) ? 1n : 0n;
  return { n: (given[part] ?? 0n) + extra, d: 10n ** BigInt(digits) };
}
