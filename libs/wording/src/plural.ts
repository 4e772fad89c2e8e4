/** The forms that a language has for counted things, by the plural rules of CLDR 48; a quantity is a plain decimal. */
type Rule<Form extends string> = (quantity: string) => Form;

/** Of a rule and the words of its forms: the word for a quantity. */
export function counted<Form extends string>(
  rule: Rule<Form>,
  words: Readonly<Record<Form, string>>,
): (quantity: string) => string {
  return (quantity) => words[rule(quantity)];
}

/** English, German, Italian, Dutch and Spanish: 1 and nothing else is one. */
export const oneIsOne: Rule<'one' | 'other'> = (quantity) => (quantity === '1' ? 'one' : 'other');

/** French and Portuguese: everything below 2 is one. */
export const belowTwoIsOne: Rule<'one' | 'other'> = (quantity) => (/^[01](\.|$)/.test(quantity) ? 'one' : 'other');

export const polish: Rule<'one' | 'few' | 'many' | 'other'> = (quantity) => {
  if (quantity === '1') return 'one';
  if (quantity.includes('.')) return 'other';
  return /(^|[^1])[2-4]$/.test(quantity) ? 'few' : 'many';
};

export const arabic: Rule<'zero' | 'one' | 'two' | 'few' | 'many' | 'other'> = (quantity) => {
  if (quantity === '0') return 'zero';
  if (quantity === '1') return 'one';
  if (quantity === '2') return 'two';
  if (quantity.includes('.')) return 'other';
  const hundredth = quantity.slice(-2).padStart(2, '0');
  if (/^(0[3-9]|10)$/.test(hundredth)) return 'few';
  return /^(1[1-9]|[2-9]\d)$/.test(hundredth) ? 'many' : 'other';
};
