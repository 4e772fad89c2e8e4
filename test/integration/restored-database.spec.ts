import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { createEmptyDatabase } from '../support/postgres.js';
import { closeMonth, numbersOf } from '../support/restored-month.js';

describe('a database that was copied without what is granted on it', () => {
  it('starts, and the next month is billed with the next numbers', async () => {
    const url = new URL(await createEmptyDatabase());
    expect(await closeMonth(url.href, '2026-08')).toEqual(numbersOf(1));
    const copy = Object.assign(new URL(url), { pathname: `/test_${randomUUID().replaceAll('-', '')}` });
    const server = new Client({ connectionString: Object.assign(new URL(url), { pathname: '/postgres' }).href });
    await server.connect();
    await server.query(`CREATE DATABASE ${copy.pathname.slice(1)} TEMPLATE ${url.pathname.slice(1)}`);
    await server.end();
    expect(await closeMonth(copy.href, '2026-09')).toEqual(numbersOf(2));
  });
});
