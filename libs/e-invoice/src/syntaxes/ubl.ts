import type { Address } from '#invoicing';
import { countryCode } from '../code-lists.js';
import type {
  AllowanceOrCharge,
  Days,
  LineTax,
  Payment,
  SemanticInvoice,
  SemanticLine,
  SemanticParty,
  TaxBreakdown,
} from '../semantic/semantic-invoice.js';
import { documentOf, group, leaf } from './xml.js';

const CAC = 'urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2';
const CBC = 'urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2';

/** OASIS UBL 2.1 Invoice or CreditNote, by the binding of CEN/TS 16931-3-2. Elements stand in the order of its schemas. */
export function writeUbl(invoice: SemanticInvoice): string {
  const { isCreditNote, currency, totals } = invoice;
  const root = isCreditNote ? 'CreditNote' : 'Invoice';
  const amount = (name: string, value: string) => leaf(name, value, { currencyID: currency });
  return documentOf(
    root,
    { xmlns: `urn:oasis:names:specification:ubl:schema:xsd:${root}-2`, 'xmlns:cac': CAC, 'xmlns:cbc': CBC },
    leaf('cbc:CustomizationID', invoice.customization),
    leaf('cbc:ProfileID', invoice.process),
    leaf('cbc:ID', invoice.number),
    leaf('cbc:IssueDate', invoice.issueDate),
    leaf('cbc:DueDate', isCreditNote ? null : invoice.dueDate),
    leaf(`cbc:${root}TypeCode`, invoice.typeCode),
    leaf('cbc:Note', invoice.note),
    leaf('cbc:DocumentCurrencyCode', currency),
    leaf('cbc:BuyerReference', invoice.buyerReference),
    period(invoice.period),
    group('cac:OrderReference', leaf('cbc:ID', invoice.orderReference)),
    group('cac:BillingReference', group('cac:InvoiceDocumentReference', leaf('cbc:ID', invoice.precedingNumber))),
    group('cac:ContractDocumentReference', leaf('cbc:ID', invoice.contractReference)),
    group('cac:AccountingSupplierParty', party(invoice.seller)),
    group('cac:AccountingCustomerParty', party(invoice.buyer)),
    invoice.deliverTo === null
      ? ''
      : group('cac:Delivery', group('cac:DeliveryLocation', group('cac:Address', ...address(invoice.deliverTo)))),
    invoice.payment === null ? '' : paymentMeans(invoice.payment),
    group('cac:PaymentTerms', leaf('cbc:Note', invoice.paymentTerms)),
    ...invoice.allowances.map((allowance) => allowanceOrCharge(allowance, false, currency)),
    ...invoice.charges.map((charge) => allowanceOrCharge(charge, true, currency)),
    group(
      'cac:TaxTotal',
      amount('cbc:TaxAmount', totals.tax),
      ...invoice.taxes.map((tax) => taxSubtotal(tax, currency)),
    ),
    group(
      'cac:LegalMonetaryTotal',
      amount('cbc:LineExtensionAmount', totals.lines),
      amount('cbc:TaxExclusiveAmount', totals.net),
      amount('cbc:TaxInclusiveAmount', totals.gross),
      amount('cbc:AllowanceTotalAmount', totals.allowances),
      amount('cbc:ChargeTotalAmount', totals.charges),
      /[1-9]/.test(totals.rounding) ? amount('cbc:PayableRoundingAmount', totals.rounding) : '',
      amount('cbc:PayableAmount', totals.payable),
    ),
    ...invoice.lines.map((line) => invoiceLine(line, isCreditNote, currency)),
  );
}

function invoiceLine(line: SemanticLine, isCreditNote: boolean, currency: string): string {
  const { quantity, unitCode, price, baseQuantity } = line.price;
  return group(
    isCreditNote ? 'cac:CreditNoteLine' : 'cac:InvoiceLine',
    leaf('cbc:ID', line.id),
    leaf('cbc:Note', line.note),
    leaf(isCreditNote ? 'cbc:CreditedQuantity' : 'cbc:InvoicedQuantity', quantity, { unitCode }),
    leaf('cbc:LineExtensionAmount', line.net, { currencyID: currency }),
    period(line.period),
    group(
      'cac:Item',
      leaf('cbc:Description', line.description),
      leaf('cbc:Name', line.name),
      group('cac:SellersItemIdentification', leaf('cbc:ID', line.code)),
      group('cac:ClassifiedTaxCategory', ...categoryOf(line.tax)),
      ...line.attributes.map(({ name, value }) =>
        group('cac:AdditionalItemProperty', leaf('cbc:Name', name), leaf('cbc:Value', value)),
      ),
    ),
    group(
      'cac:Price',
      leaf('cbc:PriceAmount', price, { currencyID: currency }),
      leaf('cbc:BaseQuantity', baseQuantity, { unitCode }),
    ),
  );
}

function party(of: SemanticParty): string {
  const { endpoint, registration, contact } = of;
  const taxScheme = (number: string | null, scheme: string) =>
    number === null
      ? ''
      : group('cac:PartyTaxScheme', leaf('cbc:CompanyID', number), group('cac:TaxScheme', leaf('cbc:ID', scheme)));
  return group(
    'cac:Party',
    leaf('cbc:EndpointID', endpoint?.id ?? null, { schemeID: endpoint?.scheme ?? null }),
    group('cac:PartyIdentification', leaf('cbc:ID', of.reference)),
    of.address === null ? '' : group('cac:PostalAddress', ...address(of.address)),
    taxScheme(of.vatId, 'VAT'),
    // Any scheme that is not VAT makes it a tax registration (BT-32).
    taxScheme(of.taxNumber, 'FC'),
    group(
      'cac:PartyLegalEntity',
      leaf('cbc:RegistrationName', of.name),
      leaf('cbc:CompanyID', registration?.id ?? null, { schemeID: registration?.scheme ?? null }),
    ),
    group(
      'cac:Contact',
      leaf('cbc:Name', contact?.name ?? null),
      leaf('cbc:Telephone', contact?.phone ?? null),
      leaf('cbc:ElectronicMail', contact?.email ?? null),
    ),
  );
}

function address({ line1, line2, city, postal_code: postalCode, region, country }: Address): string[] {
  return [
    leaf('cbc:StreetName', line1),
    leaf('cbc:AdditionalStreetName', line2),
    leaf('cbc:CityName', city),
    leaf('cbc:PostalZone', postalCode),
    leaf('cbc:CountrySubentity', region),
    group('cac:Country', leaf('cbc:IdentificationCode', countryCode(country))),
  ];
}

function paymentMeans({ meansCode, reference, account }: Payment): string {
  return group(
    'cac:PaymentMeans',
    leaf('cbc:PaymentMeansCode', meansCode),
    leaf('cbc:PaymentID', reference),
    group(
      'cac:PayeeFinancialAccount',
      leaf('cbc:ID', account?.id ?? null),
      leaf('cbc:Name', account?.holder ?? null),
      group('cac:FinancialInstitutionBranch', leaf('cbc:ID', account?.bic ?? null)),
    ),
  );
}

function allowanceOrCharge(of: AllowanceOrCharge, isCharge: boolean, currency: string): string {
  return group(
    'cac:AllowanceCharge',
    leaf('cbc:ChargeIndicator', isCharge ? 'true' : 'false'),
    leaf('cbc:AllowanceChargeReasonCode', of.reasonCode),
    leaf('cbc:AllowanceChargeReason', of.reason),
    leaf('cbc:Amount', of.amount, { currencyID: currency }),
    group('cac:TaxCategory', ...categoryOf(of.tax)),
  );
}

function taxSubtotal({ base, amount, category, rate, reasonCode, reason }: TaxBreakdown, currency: string): string {
  return group(
    'cac:TaxSubtotal',
    leaf('cbc:TaxableAmount', base, { currencyID: currency }),
    leaf('cbc:TaxAmount', amount, { currencyID: currency }),
    group(
      'cac:TaxCategory',
      leaf('cbc:ID', category),
      leaf('cbc:Percent', rate),
      leaf('cbc:TaxExemptionReasonCode', reasonCode),
      leaf('cbc:TaxExemptionReason', reason),
      group('cac:TaxScheme', leaf('cbc:ID', 'VAT')),
    ),
  );
}

/** Of a line, an allowance or a charge, where `O` has no rate. */
function categoryOf({ category, rate }: LineTax): string[] {
  return [
    leaf('cbc:ID', category),
    leaf('cbc:Percent', category === 'O' ? null : rate),
    group('cac:TaxScheme', leaf('cbc:ID', 'VAT')),
  ];
}

function period({ first, last }: Days): string {
  return group('cac:InvoicePeriod', leaf('cbc:StartDate', first), leaf('cbc:EndDate', last));
}
