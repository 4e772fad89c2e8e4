import { nearestRank } from './rank.js';

describe('nearestRank', () => {
  it.each([
    ['28 days', 8_064, 7_661],
    ['29 days, where rounding gives 7934', 8_352, 7_935],
    ['30 days', 8_640, 8_208],
    ['31 days', 8_928, 8_482],
    ['October with an hour more', 8_940, 8_493],
    ['March with an hour less', 8_916, 8_471],
  ])('95th of %s', (_, n, k) => {
    expect(nearestRank('95', n)).toBe(k);
  });

  it.each([
    [1, 1],
    [19, 19],
    [20, 19],
    [21, 20],
    [100, 95],
  ])('95th of %d samples is rank %d', (n, k) => {
    expect(nearestRank('95', n)).toBe(k);
  });

  it.each([
    ['50', 8_928, 4_464],
    ['99', 8_928, 8_839],
    ['99.9', 8_928, 8_920],
    ['99.9', 1_000, 999],
    ['0.1', 1_000, 1],
    ['100', 8_928, 8_928],
    ['0.0001', 3, 1],
  ])('percentile %s of %d samples is rank %d', (percentile, n, k) => {
    expect(nearestRank(percentile, n)).toBe(k);
  });

  it.each(['0', '0.0', '-5', '100.1', '', '95 ', '9.5e1', 'ninety'])('refuses the percentile %j', (percentile) => {
    expect(() => nearestRank(percentile, 100)).toThrow(expect.objectContaining({ code: 'bad_measure' }));
  });
});
