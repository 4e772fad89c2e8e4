/**
 * Identifiers whose form the Peppol network checks, by their code of ISO 6523 (PEPPOL-COMMON-R040 to R043, R049, R050, R052 and
 * R053): what has another form is the number of another party or of none, in any format.
 */
const FORMS: Readonly<Record<string, (id: string) => boolean>> = {
  // GS1: the weights 3 and 1, from the right.
  '0088': (id) => /^\d{13}$/.test(id) && weighted(id.slice(0, -1), [3, 1]) === last(id),
  // Brønnøysund: the weights 2 to 7, from the right.
  '0192': (id) =>
    /^\d{9}$/.test(id) &&
    /[1-9]/.test(id) &&
    (11 - (sumOf(id.slice(0, -1), [2, 3, 4, 5, 6, 7]) % 11)) % 11 === last(id),
  '0184': (id) => /^(DK)?\d{8}$/.test(id),
  '0096': (id) => /^\d{10}$/.test(id),
  '0198': (id) => /^DK\d{8}$/.test(id),
  // Belgium: 97 less the rest.
  '0208': (id) => /^\d{10}$/.test(id) && 97 - (digits(id.slice(0, 8)) % 97) === digits(id.slice(8)),
  // Sweden: Luhn.
  '0007': (id) => /^\d{10}$/.test(id) && luhn(id),
  '0151': (id) => /^\d{11}$/.test(id) && australian(id),
};

/** Whether an identifier has the form of its scheme; so it has where no form is known. */
export function hasItsForm(scheme: string | null, id: string): boolean {
  const form = Object.hasOwn(FORMS, scheme ?? '') ? FORMS[scheme ?? ''] : undefined;
  return form === undefined || form(id);
}

function digitAt(text: string, position: number): number {
  return text.charCodeAt(position) - 48;
}

function last(text: string): number {
  return digitAt(text, text.length - 1);
}

/** Up to eight digits as a number. */
function digits(text: string): number {
  let value = 0;
  for (let position = 0; position < text.length; position += 1) value = value * 10 + digitAt(text, position);
  return value;
}

/** Digits from the right, each with its weight; the weights repeat. */
function sumOf(text: string, weights: readonly number[]): number {
  let sum = 0;
  for (let back = 0; back < text.length; back += 1) {
    sum += digitAt(text, text.length - 1 - back) * (weights[back % weights.length] ?? 0);
  }
  return sum;
}

function weighted(text: string, weights: readonly number[]): number {
  return (10 - (sumOf(text, weights) % 10)) % 10;
}

/** Every second digit from the check digit on doubled, nines cast out of two digits. */
function luhn(text: string): boolean {
  let sum = 0;
  for (let back = 0; back < text.length; back += 1) {
    const digit = digitAt(text, text.length - 1 - back);
    const doubled = back % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** The Australian Business Number: one less at the front, weights by place, nothing left by 89. */
function australian(text: string): boolean {
  const WEIGHTS = [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19];
  const sum = WEIGHTS.reduce((total, weight, position) => total + digitAt(text, position) * weight, -10);
  return sum % 89 === 0;
}
