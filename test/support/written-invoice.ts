/**
 * Reads CII and UBL invoices as a receiver would and works out their sums again, in whole numbers and without anything of the
 * service: a second opinion about what was written.
 */

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** Well-formed XML without comments, CDATA and mixed content, which is all that the service writes; anything else throws. */
export function readXml(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '').trimEnd();
  const token = /<(\/?)([\w.]+:)?([\w.]+)((?:\s+[\w:]+="[^"<]*")*)\s*(\/?)>|([^<>]+)/gy;
  for (let at = 0; at < body.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(body);
    const top = open.at(-1);
    if (!found || !top) throw new Error(`no XML at ${body.slice(at, at + 60)}`);
    const [, slash, , name = '', attributes = '', closed, text] = found;
    if (text !== undefined) top.text += unescaped(text);
    else if (slash === '/') {
      if (top.name !== name) throw new Error(`${name} closes ${top.name}`);
      if (top.children.length === 0 && top.text === '') throw new Error(`${name} is empty`);
      open.pop();
    } else {
      const pairs = [...attributes.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [
        key,
        unescaped(value),
      ]);
      const element = { name, attributes: Object.fromEntries(pairs) as Record<string, string>, children: [], text: '' };
      top.children.push(element);
      if (closed !== '/') open.push(element);
    }
  }
  const [document] = root.children;
  if (open.length !== 1 || !document || root.children.length !== 1) throw new Error('not one document');
  return document;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#13': '\r' };

function unescaped(text: string): string {
  return text.replace(/&([^;]*);/g, (_, name: string) => {
    const character = ENTITIES[name];
    if (character === undefined) throw new Error(`no entity &${name};`);
    return character;
  });
}

/** Elements at a path of local names, `*` between steps. */
function all(of: Element, path: string): Element[] {
  return path
    .split('/')
    .reduce<Element[]>(
      (found, step) => found.flatMap(({ children }) => children.filter(({ name }) => name === step)),
      [of],
    );
}

function textAt(of: Element, path: string): string | null {
  const found = all(of, path);
  if (found.length > 1) throw new Error(`${found.length} of ${path}`);
  return found[0]?.text ?? null;
}

export interface WrittenTax {
  category: string | null;
  rate: string | null;
}

export interface WrittenInvoice {
  number: string | null;
  typeCode: string | null;
  customization: string | null;
  currency: string | null;
  preceding: string | null;
  note: string | null;
  seller: string | null;
  buyer: string | null;
  period: (string | null)[];
  lines: (WrittenTax & {
    id: string | null;
    note: string | null;
    name: string | null;
    net: string | null;
    quantity: string | null;
    unitCode: string | null;
    price: string | null;
    base: string | null;
    period: (string | null)[];
    attributes: (string | null)[];
  })[];
  allowances: (WrittenTax & { amount: string | null; reason: string | null })[];
  charges: (WrittenTax & { amount: string | null; reason: string | null })[];
  taxes: (WrittenTax & { base: string | null; amount: string | null; reason: string | null })[];
  totals: Record<'lines' | 'allowances' | 'charges' | 'net' | 'tax' | 'gross' | 'rounding' | 'payable', string | null>;
}

export function readInvoice(xml: string): WrittenInvoice {
  const root = readXml(xml);
  return root.name === 'CrossIndustryInvoice' ? readCii(root) : readUbl(root);
}

function readUbl(root: Element): WrittenInvoice {
  const isCredit = root.name === 'CreditNote';
  const total = (name: string) => textAt(root, `LegalMonetaryTotal/${name}`);
  const taxAt = (of: Element, path: string): WrittenTax => ({
    category: textAt(of, `${path}/ID`),
    rate: textAt(of, `${path}/Percent`),
  });
  const periodOf = (of: Element) => [textAt(of, 'InvoicePeriod/StartDate'), textAt(of, 'InvoicePeriod/EndDate')];
  const reductions = (isCharge: string) =>
    all(root, 'AllowanceCharge')
      .filter((each) => textAt(each, 'ChargeIndicator') === isCharge)
      .map((each) => ({
        ...taxAt(each, 'TaxCategory'),
        amount: textAt(each, 'Amount'),
        reason: textAt(each, 'AllowanceChargeReason'),
      }));
  return {
    number: textAt(root, 'ID'),
    typeCode: textAt(root, isCredit ? 'CreditNoteTypeCode' : 'InvoiceTypeCode'),
    customization: textAt(root, 'CustomizationID'),
    currency: textAt(root, 'DocumentCurrencyCode'),
    preceding: textAt(root, 'BillingReference/InvoiceDocumentReference/ID'),
    note: textAt(root, 'Note'),
    seller: textAt(root, 'AccountingSupplierParty/Party/PartyLegalEntity/RegistrationName'),
    buyer: textAt(root, 'AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName'),
    period: periodOf(root),
    lines: all(root, isCredit ? 'CreditNoteLine' : 'InvoiceLine').map((line) => {
      const [quantity] = all(line, isCredit ? 'CreditedQuantity' : 'InvoicedQuantity');
      return {
        ...taxAt(line, 'Item/ClassifiedTaxCategory'),
        id: textAt(line, 'ID'),
        note: textAt(line, 'Note'),
        name: textAt(line, 'Item/Name'),
        net: textAt(line, 'LineExtensionAmount'),
        quantity: quantity?.text ?? null,
        unitCode: quantity?.attributes.unitCode ?? null,
        price: textAt(line, 'Price/PriceAmount'),
        base: textAt(line, 'Price/BaseQuantity'),
        period: periodOf(line),
        attributes: all(line, 'Item/AdditionalItemProperty').map(
          (each) => `${textAt(each, 'Name')}: ${textAt(each, 'Value')}`,
        ),
      };
    }),
    allowances: reductions('false'),
    charges: reductions('true'),
    taxes: all(root, 'TaxTotal/TaxSubtotal').map((each) => ({
      ...taxAt(each, 'TaxCategory'),
      base: textAt(each, 'TaxableAmount'),
      amount: textAt(each, 'TaxAmount'),
      reason: textAt(each, 'TaxCategory/TaxExemptionReason'),
    })),
    totals: {
      lines: total('LineExtensionAmount'),
      allowances: total('AllowanceTotalAmount'),
      charges: total('ChargeTotalAmount'),
      net: total('TaxExclusiveAmount'),
      tax: textAt(root, 'TaxTotal/TaxAmount'),
      gross: total('TaxInclusiveAmount'),
      rounding: total('PayableRoundingAmount'),
      payable: total('PayableAmount'),
    },
  };
}

function readCii(root: Element): WrittenInvoice {
  const TRADE = 'SupplyChainTradeTransaction';
  const HEAD = `${TRADE}/ApplicableHeaderTradeSettlement`;
  const AGREEMENT = `${TRADE}/ApplicableHeaderTradeAgreement`;
  const total = (name: string) => textAt(root, `${HEAD}/SpecifiedTradeSettlementHeaderMonetarySummation/${name}`);
  const taxAt = (of: Element, path: string): WrittenTax => ({
    category: textAt(of, `${path}CategoryCode`),
    rate: textAt(of, `${path}RateApplicablePercent`),
  });
  const dayAt = (of: Element, path: string) => {
    const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(textAt(of, `${path}/DateTimeString`) ?? '') ?? [];
    return year === undefined ? null : `${year}-${month}-${day}`;
  };
  const periodAt = (of: Element, path: string) => [
    dayAt(of, `${path}/StartDateTime`),
    dayAt(of, `${path}/EndDateTime`),
  ];
  const reductions = (isCharge: string) =>
    all(root, `${HEAD}/SpecifiedTradeAllowanceCharge`)
      .filter((each) => textAt(each, 'ChargeIndicator/Indicator') === isCharge)
      .map((each) => ({
        ...taxAt(each, 'CategoryTradeTax/'),
        amount: textAt(each, 'ActualAmount'),
        reason: textAt(each, 'Reason'),
      }));
  return {
    number: textAt(root, 'ExchangedDocument/ID'),
    typeCode: textAt(root, 'ExchangedDocument/TypeCode'),
    customization: textAt(root, 'ExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID'),
    currency: textAt(root, `${HEAD}/InvoiceCurrencyCode`),
    preceding: textAt(root, `${HEAD}/InvoiceReferencedDocument/IssuerAssignedID`),
    note: textAt(root, 'ExchangedDocument/IncludedNote/Content'),
    seller: textAt(root, `${AGREEMENT}/SellerTradeParty/Name`),
    buyer: textAt(root, `${AGREEMENT}/BuyerTradeParty/Name`),
    period: periodAt(root, `${HEAD}/BillingSpecifiedPeriod`),
    lines: all(root, `${TRADE}/IncludedSupplyChainTradeLineItem`).map((line) => {
      const [quantity] = all(line, 'SpecifiedLineTradeDelivery/BilledQuantity');
      const price = 'SpecifiedLineTradeAgreement/NetPriceProductTradePrice';
      return {
        ...taxAt(line, 'SpecifiedLineTradeSettlement/ApplicableTradeTax/'),
        id: textAt(line, 'AssociatedDocumentLineDocument/LineID'),
        note: textAt(line, 'AssociatedDocumentLineDocument/IncludedNote/Content'),
        name: textAt(line, 'SpecifiedTradeProduct/Name'),
        net: textAt(line, 'SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount'),
        quantity: quantity?.text ?? null,
        unitCode: quantity?.attributes.unitCode ?? null,
        price: textAt(line, `${price}/ChargeAmount`),
        base: textAt(line, `${price}/BasisQuantity`),
        period: periodAt(line, 'SpecifiedLineTradeSettlement/BillingSpecifiedPeriod'),
        attributes: all(line, 'SpecifiedTradeProduct/ApplicableProductCharacteristic').map(
          (each) => `${textAt(each, 'Description')}: ${textAt(each, 'Value')}`,
        ),
      };
    }),
    allowances: reductions('false'),
    charges: reductions('true'),
    taxes: all(root, `${HEAD}/ApplicableTradeTax`).map((each) => ({
      ...taxAt(each, ''),
      base: textAt(each, 'BasisAmount'),
      amount: textAt(each, 'CalculatedAmount'),
      reason: textAt(each, 'ExemptionReason'),
    })),
    totals: {
      lines: total('LineTotalAmount'),
      allowances: total('AllowanceTotalAmount'),
      charges: total('ChargeTotalAmount'),
      net: total('TaxBasisTotalAmount'),
      tax: total('TaxTotalAmount'),
      gross: total('GrandTotalAmount'),
      rounding: total('RoundingAmount'),
      payable: total('DuePayableAmount'),
    },
  };
}

/** A decimal as a whole number of its `places`-th decimals. */
function whole(text: string | null, places: number): bigint {
  const [, sign = '', units = '', decimals = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? '') ?? [];
  if (units === '' || decimals.length > places) throw new Error(`${text} has not up to ${places} decimals`);
  return BigInt(`${sign}${units}${decimals.padEnd(places, '0')}`);
}

/** Decimals that hold any quantity, price or rate here. */
const FINE = 40;

/**
 * What does not add up, by the rules of EN 16931 and to the last minor unit.
 *
 * @param digits decimals that amounts of the currency have, exactly
 * @param taxRoundings of how many roundings a tax is made
 */
export function arithmeticFaults(invoice: WrittenInvoice, digits: number, taxRoundings = 1): string[] {
  const faults: string[] = [];
  const amount = (text: string | null): bigint => {
    const decimals = text?.split('.')[1]?.length ?? 0;
    if (decimals !== digits) faults.push(`decimals of ${text}`);
    return whole(text, Math.max(decimals, digits));
  };
  const sumOf = (texts: (string | null)[]) => texts.reduce((sum, text) => sum + amount(text), 0n);
  const same = (rule: string, a: bigint, b: bigint) => {
    if (a !== b) faults.push(`${rule}: ${a} is not ${b}`);
  };
  const { lines, allowances, charges, taxes, totals } = invoice;
  if (lines.length === 0) faults.push('BR-16');
  const one = 10n ** BigInt(FINE);
  for (const { id, net, quantity, price, base } of lines) {
    if (price?.startsWith('-')) faults.push(`BR-27 on line ${id}`);
    // To half a hundredth, in a currency without decimals, too: PEPPOL-EN16931-R120 knows no other.
    const product = whole(quantity, FINE) * whole(price, FINE) * 100n;
    const divisor = base === null ? one : whole(base, FINE);
    const off = product * one - amount(net) * 10n ** BigInt(2 - digits) * divisor * one * one;
    if (divisor <= 0n || 2n * (off < 0n ? -off : off) > divisor * one * one) faults.push(`line ${id}`);
  }
  same('BR-CO-10', amount(totals.lines), sumOf(lines.map(({ net }) => net)));
  same('BR-CO-11', amount(totals.allowances), sumOf(allowances.map((each) => each.amount)));
  same('BR-CO-12', amount(totals.charges), sumOf(charges.map((each) => each.amount)));
  same('BR-CO-13', amount(totals.net), amount(totals.lines) - amount(totals.allowances) + amount(totals.charges));
  same('BR-CO-14', amount(totals.tax), sumOf(taxes.map((each) => each.amount)));
  same('BR-CO-15', amount(totals.gross), amount(totals.net) + amount(totals.tax));
  const rounding = totals.rounding === null ? 0n : amount(totals.rounding);
  same('BR-CO-16', amount(totals.payable), amount(totals.gross) + rounding);
  for (const { category, rate, base, amount: tax } of taxes) {
    const bears = (each: WrittenTax) => each.category === category && (category === 'O' || each.rate === rate);
    const taken = sumOf(allowances.filter(bears).map((each) => each.amount));
    const added = sumOf(charges.filter(bears).map((each) => each.amount));
    same(`base of ${category}`, amount(base), sumOf(lines.filter(bears).map(({ net }) => net)) - taken + added);
    const off = amount(base) * whole(rate, FINE) - amount(tax) * 100n * one;
    if (2n * (off < 0n ? -off : off) > 100n * one * BigInt(taxRoundings))
      faults.push(`BR-CO-17 of ${category} ${rate}`);
  }
  const groups = new Set(taxes.map(({ category, rate }) => `${category} ${category === 'O' ? '' : rate}`));
  if (groups.size < taxes.length) faults.push('two breakdowns of one tax');
  for (const { category, rate } of [...lines, ...allowances, ...charges]) {
    if (!groups.has(`${category} ${rate ?? ''}`)) faults.push(`no breakdown of ${category} ${rate}`);
  }
  return faults;
}
