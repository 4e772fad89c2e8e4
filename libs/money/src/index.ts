export {
  Decimal,
  decimal,
  decimalFromNumberText,
  isPlainDecimal,
  minus,
  MoneyError,
  plus,
  sum,
  times,
} from './exact.js';
export { Ratio, type RoundingMode } from './ratio.js';
export { formatAmount, isCurrency, minorUnits } from './currency.js';
export { allocate } from './allocate.js';
