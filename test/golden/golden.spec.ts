import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decimal, formatAmount, sum } from '#money';
import { parseTariffPlan } from '#rating';
import { lowestTerms, recomputeByFractions, sumOfSteps } from '../support/exact-recompute.js';
import { type Billed, GOLDEN, goldenStories, goldenStory } from '../support/golden-story.js';

/** What the invoice says, line by line, and what it comes to. */
function invoiceOf({ kind, currency, period, lines, taxes, net, tax, gross, rounding, payable }: Billed) {
  return {
    kind,
    currency,
    period: { start: period.start, end: period.end },
    lines: lines.map(({ position, charge, description, entity, segment, quantity, unit, amount, derivation }) => ({
      position,
      charge,
      description,
      entity: entity && `${entity.dimension} ${entity.value}`,
      segment: `${segment.start_date}/${segment.end_date}`,
      quantity,
      unit,
      amount,
      steps: derivation.steps.map((step) => `${step.kind} ${lowestTerms(step.amount)}`),
    })),
    taxes,
    net,
    tax,
    gross,
    rounding,
    payable,
  };
}

/** Amounts in the form in which they are worked out by hand. Hundreds of lines of a charge stand together. */
function amountsOf({ kind, currency, lines, taxes, net, gross, rounding, payable }: Billed): string[] {
  const charges = [...new Set(lines.map(({ charge }) => charge))];
  return [
    ...charges.flatMap((charge) => {
      const amounts = lines.filter((line) => line.charge === charge).map(({ amount }) => amount);
      if (amounts.length < 100) return amounts.map((amount) => `${charge} ${amount}`);
      return [`${charge} × ${amounts.length} ${formatAmount(sum(amounts.map(decimal)), currency)}`];
    }),
    `net ${net}`,
    ...taxes.map((group) => `${group.name} ${group.category} ${group.rate} % ${group.amount}`),
    `gross ${gross}`,
    ...(/[1-9]/.test(rounding) ? [`rounding ${rounding}`] : []),
    `payable ${payable}`,
    ...(kind === 'invoice' ? [] : [kind]),
  ];
}

const stories = await goldenStories();

/**
 * Stories of accounts, one folder each: the plan (or its versions), the usage, what the invoice must say, and beside them
 * how its amounts were worked out by hand. `UPDATE_GOLDEN=1` rewrites `invoice.json` and never what was worked out.
 */
describe('golden stories', () => {
  it('are at least a dozen', () => expect(stories.length).toBeGreaterThanOrEqual(12));

  describe.each(stories)('%s', (name) => {
    const file = (part: string) => join(GOLDEN, name, part);
    let plans: Record<string, unknown>[];
    let draft: Billed;
    beforeAll(async () => {
      ({ plans, draft } = await goldenStory(name));
    });

    it('comes to the amounts that were worked out by hand', async () => {
      const [, block = ''] = /```amounts\n([\s\S]*?)```/.exec(await readFile(file('story.md'), 'utf8')) ?? [];
      // Both in one order: of the versions of a plan, each has its lines.
      const worked = block.trim().split('\n');
      expect([...amountsOf(draft)].sort()).toEqual([...worked].sort());
    });

    it('says what it said before', async () => {
      const said = invoiceOf(draft);
      if (process.env.UPDATE_GOLDEN) await writeFile(file('invoice.json'), `${JSON.stringify(said, null, 2)}\n`);
      expect(said).toEqual(JSON.parse(await readFile(file('invoice.json'), 'utf8')));
    });

    it('has lines that follow from their derivations alone, in fractions', () => {
      for (const { amount, derivation } of draft.lines) {
        const second = recomputeByFractions(derivation);
        expect(second.amount).toBe(amount);
        expect(second.exact).toBe(lowestTerms(derivation.amount));
        expect(sumOfSteps(derivation)).toBe(second.exact);
      }
    });

    it('has plans that are read back as they were written', () => {
      for (const document of plans) {
        const parsed = parseTariffPlan(document);
        if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
        expect(parseTariffPlan(JSON.parse(JSON.stringify(parsed.plan)))).toEqual(parsed);
      }
    });
  });
});
