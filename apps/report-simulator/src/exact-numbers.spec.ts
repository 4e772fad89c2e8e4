import fc from 'fast-check';
import { bytesText, nearestRank, rateOf, rateTo2Decimals } from './exact-numbers.js';

describe('bytesText', () => {
  it.each([
    [0, 1, '0'],
    [1, 1, '0.25'],
    [88_786, 1, '22196.5'],
    [292_520, 1, '73130'],
    [3, 8, '6'],
    // The shortest decimal of the double nearest to this one ends in .8.
    [2 ** 53 - 1, 1, '2251799813685247.75'],
    [2 ** 53 - 1, 1_000_000, '2251799813685247750000'],
    [9_007_199_254_740_993n, 1, '2251799813685248.25'],
  ])('%p quarters × %p', (quarterBytes, factor, text) => {
    expect(bytesText(quarterBytes, factor)).toBe(text);
  });

  it('writes integers of any size and their quarters', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.constantFrom(0, 1, 2, 3), (whole, quarter) => {
        expect(bytesText(whole * 4n + BigInt(quarter))).toBe(`${whole}${['', '.25', '.5', '.75'][quarter]}`);
      }),
    );
  });
});

describe('rateOf', () => {
  it.each([
    // bytes, seconds, Mbps: the P95 windows of the published oracle, then the published NOW example.
    [103_388.25, 169, 0.004894118343195267],
    [2_129_580.25, 177, 0.09625221468926554],
    [156_787_140, 300, 4.1809904],
    [10_647_786_240, 300, 283.9409664],
  ])('%p bytes in %p seconds', (bytes, seconds, mbps) => {
    expect(rateOf(bytes * 4, seconds, 1)).toBe(mbps);
  });

  it('scales by powers of a thousand', () => {
    expect(rateOf(125_000 * 4, 100, 1)).toBe(0.01);
    expect(rateOf(125_000 * 4, 100, 1e3)).toBe(10);
    expect(rateOf(125_000 * 4, 100, 1e6)).toBe(10_000);
    expect(rateOf(125_000 * 4, 100, 1e12)).toBe(10_000_000_000);
    // 3·10^15 quarters × 2·10^6 is beyond 2^53, where only the quotient is rounded.
    expect(rateOf(3e15 + 1, 1, 1e12)).toBe(Number((3_000_000_000_000_001n * 10n ** 12n) / 500_000n));
  });
});

describe('rateTo2Decimals', () => {
  it.each([
    [0.005, 0.01],
    [0.004998, 0],
    [1.005, 1.01],
    [319.57010848351644, 319.57],
  ])('%p Mbps is %p', (mbps, rounded) => {
    expect(rateTo2Decimals(Math.round(mbps * 500_000), 1, 1)).toBe(rounded);
  });
});

describe('nearestRank', () => {
  it.each([
    [0.95, 1, 8928, 8482],
    ['95', 100, 8928, 8482],
    [0.07, 1, 100, 7],
    [99.9, 100, 1000, 999],
    [1, 1, 289, 289],
    [100, 100, 289, 289],
    [1e-7, 1, 10, 1],
    [0.5, 1, 0, 0],
  ] as const)('%p of %p in %p is %p', (share, whole, count, rank) => {
    expect(nearestRank(share, whole, count)).toBe(rank);
  });
});
