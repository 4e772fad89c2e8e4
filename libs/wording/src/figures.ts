/** How a language writes figures, as CLDR 48 has it. */
export interface Digits {
  /** Between groups. */
  readonly group: string;
  /** Before decimals. */
  readonly point: string;
  /** So many digits stand before the first separator at least (CLDR's `minimumGroupingDigits`); 1 where absent. */
  readonly fewest?: 1 | 2;
  /** Groups of two above the first three (lakh, crore); of three where absent. */
  readonly lakh?: boolean;
}

/** `1234567.5` as `1,234,567.5`: a plain decimal with every decimal that it came with; nothing is rounded. */
export function figuresBy({ group, point, fewest = 1, lakh = false }: Digits): (decimal: string) => string {
  const edges = lakh ? /\B(?=(?:\d{2})*\d{3}$)/g : /\B(?=(?:\d{3})+$)/g;
  return (decimal) => {
    const [whole = '', ...decimals] = decimal.split('.');
    const isGrouped = whole.length >= 3 + fewest + (whole.startsWith('-') ? 1 : 0);
    return [isGrouped ? whole.replace(edges, group) : whole, ...decimals].join(point);
  };
}
