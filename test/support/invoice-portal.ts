import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** What a portal answers, by the names that it gives the members. */
export interface PortalAnswer {
  Irn: string;
  AckNo: string;
  AckDt: string;
  SignedQRCode: string;
  SignedInvoice: string;
}

/** An e-invoice portal of India with an RSA key of its own: it registers what it is sent and knows nothing of this service. */
export class InvoicePortal {
  readonly #key: KeyObject;
  /** SPKI in PEM. */
  readonly publicKey: string;
  #acknowledged = 112_010_000_011_473;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    this.#key = privateKey;
    this.publicKey = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /**
   * Answers a payload.
   *
   * @param irn as the portal computes it
   * @param over claims of the code that are not those of the payload
   */
  answer(payload: string, irn: string, over: Record<string, unknown> = {}): PortalAnswer {
    const sent = JSON.parse(payload) as {
      SellerDtls: { Gstin: string };
      BuyerDtls: { Gstin: string };
      DocDtls: { No: string; Typ: string; Dt: string };
      ValDtls: { TotInvVal: number };
      ItemList: { HsnCd: string; AssAmt: number }[];
    };
    this.#acknowledged += 1;
    const [AckNo, AckDt] = [this.#acknowledged, '2026-11-30 17:10:00'];
    const [main] = [...sent.ItemList].sort((a, b) => b.AssAmt - a.AssAmt);
    const code = {
      SellerGstin: sent.SellerDtls.Gstin,
      BuyerGstin: sent.BuyerDtls.Gstin,
      DocNo: sent.DocDtls.No,
      DocTyp: sent.DocDtls.Typ,
      DocDt: sent.DocDtls.Dt,
      TotInvVal: sent.ValDtls.TotInvVal,
      ItemCnt: sent.ItemList.length,
      MainHsnCode: main?.HsnCd,
      Irn: irn,
      IrnDt: AckDt,
      ...over,
    };
    return {
      ...{ Irn: irn, AckNo: String(AckNo), AckDt },
      SignedQRCode: this.sign(code),
      SignedInvoice: this.sign({ AckNo, AckDt, Irn: irn, ...sent }),
    };
  }

  /** A JWS with RS256 whose claims stand as a text in the member `data`. */
  sign(claims: object): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ data: JSON.stringify(claims), iss: 'NIC' })}`;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(this.#key).toString('base64url')}`;
  }
}
