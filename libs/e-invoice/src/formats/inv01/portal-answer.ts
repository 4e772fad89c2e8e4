import { decimal } from '#money';
import type { ElectronicDocument } from '../../document.js';
import { isRefusal, type Refusal } from '../../refusal.js';
import { renderEInvoice } from '../../render.js';

/** What a portal answers a document that it registered, signatures apart. */
export interface PortalAnswer {
  readonly irn: string;
  readonly ackNo: string;
  /** As the portal writes it: `2026-11-30 17:10:00`. */
  readonly ackDate: string;
  /** Claims of the signed code and of the signed invoice, as they were parsed. */
  readonly qrCode: unknown;
  readonly invoice: unknown;
}

/** The first member of an answer that is not what the document says. */
export interface AnswerFault {
  /** `/irn`, or a claim below `/signed_qr_code` or `/signed_invoice`. */
  readonly pointer: string;
  readonly message: string;
}

/** A payload as far as it is compared. */
interface Payload {
  readonly DocDtls: { readonly Typ: string; readonly No: string; readonly Dt: string };
  readonly SellerDtls: { readonly Gstin: string };
  readonly BuyerDtls: { readonly Gstin: string };
  readonly ItemList: readonly { readonly HsnCd: string; readonly AssAmt: number }[];
  readonly ValDtls: { readonly TotInvVal: number };
}

/**
 * Compares what a portal answered with the document: undefined when it is about this document and none other, a refusal when
 * there is no INV-01 of the document that it could be about. Amounts have at most 14 digits, which a number holds exactly.
 *
 * @param irn as it follows from the document (`irnTextOf`)
 */
export function answerFault(
  document: ElectronicDocument,
  answer: PortalAnswer,
  irn: string,
): AnswerFault | Refusal | undefined {
  const rendition = renderEInvoice('inv01', document);
  if (isRefusal(rendition)) return rendition;
  const sent = JSON.parse(rendition.text) as Payload;
  const { DocDtls, SellerDtls, BuyerDtls, ItemList, ValDtls } = sent;
  const most = ItemList.reduce((max, { AssAmt }) => Math.max(max, AssAmt), 0);
  // The code of the item with the highest value; of several such items, of any.
  const codes = ItemList.filter(({ AssAmt }) => AssAmt === most).map(({ HsnCd }) => HsnCd);
  const { qrCode, invoice } = answer;
  const compared: readonly [pointer: string, given: unknown, ...expected: unknown[]][] = [
    ['/irn', answer.irn, irn],
    ['/signed_qr_code/SellerGstin', at(qrCode, 'SellerGstin'), SellerDtls.Gstin],
    ['/signed_qr_code/BuyerGstin', at(qrCode, 'BuyerGstin'), BuyerDtls.Gstin],
    ['/signed_qr_code/DocNo', at(qrCode, 'DocNo'), DocDtls.No],
    ['/signed_qr_code/DocTyp', at(qrCode, 'DocTyp'), DocDtls.Typ],
    ['/signed_qr_code/DocDt', at(qrCode, 'DocDt'), DocDtls.Dt],
    ['/signed_qr_code/TotInvVal', number(at(qrCode, 'TotInvVal')), number(ValDtls.TotInvVal)],
    ['/signed_qr_code/ItemCnt', number(at(qrCode, 'ItemCnt')), number(ItemList.length)],
    ['/signed_qr_code/MainHsnCode', at(qrCode, 'MainHsnCode'), ...codes],
    ['/signed_qr_code/Irn', at(qrCode, 'Irn'), irn],
    ['/signed_invoice/Irn', at(invoice, 'Irn'), irn],
    ['/signed_invoice/AckNo', number(at(invoice, 'AckNo')), number(answer.ackNo)],
    ['/signed_invoice/AckDt', at(invoice, 'AckDt'), answer.ackDate],
    ['/signed_invoice/DocDtls/No', at(invoice, 'DocDtls', 'No'), DocDtls.No],
    ['/signed_invoice/DocDtls/Typ', at(invoice, 'DocDtls', 'Typ'), DocDtls.Typ],
    ['/signed_invoice/DocDtls/Dt', at(invoice, 'DocDtls', 'Dt'), DocDtls.Dt],
    ['/signed_invoice/SellerDtls/Gstin', at(invoice, 'SellerDtls', 'Gstin'), SellerDtls.Gstin],
    ['/signed_invoice/BuyerDtls/Gstin', at(invoice, 'BuyerDtls', 'Gstin'), BuyerDtls.Gstin],
    ['/signed_invoice/ValDtls/TotInvVal', number(at(invoice, 'ValDtls', 'TotInvVal')), number(ValDtls.TotInvVal)],
  ];
  for (const [pointer, given, ...expected] of compared) {
    if (given !== undefined && expected.includes(given)) continue;
    return { pointer, message: `is ${shown(given)}, and the document says ${shown(expected[0])}` };
  }
  return undefined;
}

/** A claim below others; undefined where there is none. */
function at(claims: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, member) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, member)
        ? (value as Record<string, unknown>)[member]
        : undefined,
    claims,
  );
}

/** A number however it is written, as a JSON number or in quotes; undefined for anything else. */
function number(value: unknown): string | undefined {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^\d{1,20}(\.\d{1,6})?$/.test(text) ? decimal(text).toFixed() : undefined;
}

const LONGEST_SHOWN = 80;

function shown(value: unknown): string {
  const text = value === undefined ? 'absent' : JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
