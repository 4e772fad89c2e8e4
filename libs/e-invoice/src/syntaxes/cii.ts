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
  SemanticTotals,
  TaxBreakdown,
} from '../semantic/semantic-invoice.js';
import { documentOf, group, leaf } from './xml.js';

const NAMESPACES = {
  'xmlns:rsm': 'urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100',
  'xmlns:ram': 'urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100',
  'xmlns:udt': 'urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100',
};

/** UN/CEFACT Cross Industry Invoice D16B, by the binding of CEN/TS 16931-3-3. Elements stand in the order of its schema. */
export function writeCii(invoice: SemanticInvoice): string {
  return documentOf(
    'rsm:CrossIndustryInvoice',
    NAMESPACES,
    group(
      'rsm:ExchangedDocumentContext',
      group('ram:BusinessProcessSpecifiedDocumentContextParameter', leaf('ram:ID', invoice.process)),
      group('ram:GuidelineSpecifiedDocumentContextParameter', leaf('ram:ID', invoice.customization)),
    ),
    group(
      'rsm:ExchangedDocument',
      leaf('ram:ID', invoice.number),
      leaf('ram:TypeCode', invoice.typeCode),
      date('ram:IssueDateTime', invoice.issueDate),
      group('ram:IncludedNote', leaf('ram:Content', invoice.note)),
    ),
    group(
      'rsm:SupplyChainTradeTransaction',
      ...invoice.lines.map(lineItem),
      agreement(invoice),
      // The schema wants the element, whether or not anything is in it.
      invoice.deliverTo === null
        ? '<ram:ApplicableHeaderTradeDelivery/>'
        : group('ram:ApplicableHeaderTradeDelivery', group('ram:ShipToTradeParty', postal(invoice.deliverTo))),
      settlement(invoice),
    ),
  );
}

function lineItem(line: SemanticLine): string {
  const { quantity, unitCode, price, baseQuantity } = line.price;
  return group(
    'ram:IncludedSupplyChainTradeLineItem',
    group(
      'ram:AssociatedDocumentLineDocument',
      leaf('ram:LineID', line.id),
      group('ram:IncludedNote', leaf('ram:Content', line.note)),
    ),
    group(
      'ram:SpecifiedTradeProduct',
      leaf('ram:SellerAssignedID', line.code),
      leaf('ram:Name', line.name),
      leaf('ram:Description', line.description),
      ...line.attributes.map(({ name, value }) =>
        group('ram:ApplicableProductCharacteristic', leaf('ram:Description', name), leaf('ram:Value', value)),
      ),
    ),
    group(
      'ram:SpecifiedLineTradeAgreement',
      group(
        'ram:NetPriceProductTradePrice',
        leaf('ram:ChargeAmount', price),
        leaf('ram:BasisQuantity', baseQuantity, { unitCode }),
      ),
    ),
    group('ram:SpecifiedLineTradeDelivery', leaf('ram:BilledQuantity', quantity, { unitCode })),
    group(
      'ram:SpecifiedLineTradeSettlement',
      group('ram:ApplicableTradeTax', ...categoryOf(line.tax)),
      billingPeriod(line.period),
      group('ram:SpecifiedTradeSettlementLineMonetarySummation', leaf('ram:LineTotalAmount', line.net)),
    ),
  );
}

function agreement({ buyerReference, orderReference, contractReference, seller, buyer }: SemanticInvoice): string {
  return group(
    'ram:ApplicableHeaderTradeAgreement',
    leaf('ram:BuyerReference', buyerReference),
    group('ram:SellerTradeParty', party(seller)),
    group('ram:BuyerTradeParty', party(buyer)),
    group('ram:BuyerOrderReferencedDocument', leaf('ram:IssuerAssignedID', orderReference)),
    group('ram:ContractReferencedDocument', leaf('ram:IssuerAssignedID', contractReference)),
  );
}

function party({ reference, name, registration, contact, address, endpoint, vatId, taxNumber }: SemanticParty): string {
  return [
    leaf('ram:ID', reference),
    leaf('ram:Name', name),
    group(
      'ram:SpecifiedLegalOrganization',
      leaf('ram:ID', registration?.id ?? null, { schemeID: registration?.scheme ?? null }),
    ),
    group(
      'ram:DefinedTradeContact',
      leaf('ram:PersonName', contact?.name ?? null),
      group('ram:TelephoneUniversalCommunication', leaf('ram:CompleteNumber', contact?.phone ?? null)),
      group('ram:EmailURIUniversalCommunication', leaf('ram:URIID', contact?.email ?? null)),
    ),
    address === null ? '' : postal(address),
    group(
      'ram:URIUniversalCommunication',
      leaf('ram:URIID', endpoint?.id ?? null, { schemeID: endpoint?.scheme ?? null }),
    ),
    group('ram:SpecifiedTaxRegistration', leaf('ram:ID', vatId, { schemeID: 'VA' })),
    group('ram:SpecifiedTaxRegistration', leaf('ram:ID', taxNumber, { schemeID: 'FC' })),
  ].join('');
}

function postal({ postal_code: postalCode, line1, line2, city, country, region }: Address): string {
  return group(
    'ram:PostalTradeAddress',
    leaf('ram:PostcodeCode', postalCode),
    leaf('ram:LineOne', line1),
    leaf('ram:LineTwo', line2),
    leaf('ram:CityName', city),
    leaf('ram:CountryID', countryCode(country)),
    leaf('ram:CountrySubDivisionName', region),
  );
}

function settlement(invoice: SemanticInvoice): string {
  const { payment, currency } = invoice;
  return group(
    'ram:ApplicableHeaderTradeSettlement',
    leaf('ram:PaymentReference', payment?.reference ?? null),
    leaf('ram:InvoiceCurrencyCode', currency),
    payment === null ? '' : paymentMeans(payment),
    ...invoice.taxes.map(tradeTax),
    billingPeriod(invoice.period),
    ...invoice.allowances.map((allowance) => allowanceOrCharge(allowance, false)),
    ...invoice.charges.map((charge) => allowanceOrCharge(charge, true)),
    group(
      'ram:SpecifiedTradePaymentTerms',
      leaf('ram:Description', invoice.paymentTerms),
      invoice.dueDate === null ? '' : date('ram:DueDateDateTime', invoice.dueDate),
    ),
    summation(invoice.totals, currency),
    group('ram:InvoiceReferencedDocument', leaf('ram:IssuerAssignedID', invoice.precedingNumber)),
  );
}

function paymentMeans({ meansCode, account }: Payment): string {
  return group(
    'ram:SpecifiedTradeSettlementPaymentMeans',
    leaf('ram:TypeCode', meansCode),
    group(
      'ram:PayeePartyCreditorFinancialAccount',
      leaf('ram:IBANID', account?.isIban ? account.id : null),
      leaf('ram:AccountName', account?.holder ?? null),
      leaf('ram:ProprietaryID', account?.isIban === false ? account.id : null),
    ),
    group('ram:PayeeSpecifiedCreditorFinancialInstitution', leaf('ram:BICID', account?.bic ?? null)),
  );
}

function tradeTax({ amount, reason, base, category, reasonCode, rate }: TaxBreakdown): string {
  return group(
    'ram:ApplicableTradeTax',
    leaf('ram:CalculatedAmount', amount),
    leaf('ram:TypeCode', 'VAT'),
    leaf('ram:ExemptionReason', reason),
    leaf('ram:BasisAmount', base),
    leaf('ram:CategoryCode', category),
    leaf('ram:ExemptionReasonCode', reasonCode),
    leaf('ram:RateApplicablePercent', rate),
  );
}

/** Of a line, an allowance or a charge, where `O` has no rate. */
function categoryOf({ category, rate }: LineTax): string[] {
  return [
    leaf('ram:TypeCode', 'VAT'),
    leaf('ram:CategoryCode', category),
    leaf('ram:RateApplicablePercent', category === 'O' ? null : rate),
  ];
}

function allowanceOrCharge({ amount, reason, reasonCode, tax }: AllowanceOrCharge, isCharge: boolean): string {
  return group(
    'ram:SpecifiedTradeAllowanceCharge',
    group('ram:ChargeIndicator', leaf('udt:Indicator', isCharge ? 'true' : 'false')),
    leaf('ram:ActualAmount', amount),
    leaf('ram:ReasonCode', reasonCode),
    leaf('ram:Reason', reason),
    group('ram:CategoryTradeTax', ...categoryOf(tax)),
  );
}

function summation(totals: SemanticTotals, currency: string): string {
  return group(
    'ram:SpecifiedTradeSettlementHeaderMonetarySummation',
    leaf('ram:LineTotalAmount', totals.lines),
    leaf('ram:ChargeTotalAmount', totals.charges),
    leaf('ram:AllowanceTotalAmount', totals.allowances),
    leaf('ram:TaxBasisTotalAmount', totals.net),
    leaf('ram:TaxTotalAmount', totals.tax, { currencyID: currency }),
    leaf('ram:RoundingAmount', /[1-9]/.test(totals.rounding) ? totals.rounding : null),
    leaf('ram:GrandTotalAmount', totals.gross),
    leaf('ram:DuePayableAmount', totals.payable),
  );
}

function billingPeriod({ first, last }: Days): string {
  return group('ram:BillingSpecifiedPeriod', date('ram:StartDateTime', first), date('ram:EndDateTime', last));
}

/** Format 102 of UNCL 2379: `YYYYMMDD`. */
function date(name: string, day: string): string {
  return group(name, leaf('udt:DateTimeString', day.replaceAll('-', ''), { format: '102' }));
}
