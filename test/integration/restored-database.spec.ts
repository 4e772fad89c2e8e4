import { copyDatabase, createEmptyDatabase } from '../support/postgres.js';
import { closeMonth, numbersOf } from '../support/restored-month.js';

describe('a database that was copied without what is granted on it', () => {
  it('starts, and the next month is billed with the next numbers', async () => {
    const url = new URL(await createEmptyDatabase());
    expect(await closeMonth(url.href, '2026-08')).toEqual(numbersOf(1));
    expect(await closeMonth(await copyDatabase(url.pathname.slice(1)), '2026-09')).toEqual(numbersOf(2));
  });
});
