import { parseEnvironment } from '#runtime';
import { apiEnvironment } from './environment.js';

const good = {
  DATABASE_URL: 'postgres://meterline:secret@db/meterline',
  REPORT_API_URL: 'https://report.example',
  REPORT_API_KEY: 'report-key',
  METERLINE_SECRET_KEY: '5e'.repeat(32),
  METERLINE_ADMIN_KEY: 'an-admin-key-of-24-chars',
};

describe('the environment of the API', () => {
  it('has defaults for all that need not be said', () => {
    expect(parseEnvironment(apiEnvironment, good)).toMatchObject({ PORT: 3000, HOST: '0.0.0.0', SETTLE_HOURS: 72 });
    expect(parseEnvironment(apiEnvironment, { ...good, PORT: '8080' })).toMatchObject({ PORT: 8080 });
  });

  it.each([
    ['REPORT_API_URL', 'http://'],
    ['REPORT_API_URL', 'http://127.0.0.1:99999'],
    ['REPORT_API_URL', 'https://user:pass-word@report.example'],
    ['REPORT_API_URL', 'https://report.example/?apikey=1'],
    ['REPORT_API_KEY', 'a key'],
    ['REPORT_API_KEY', ''],
    ['OUTBOUND_ALLOW', '10.0.0.0/99'],
    ['DATABASE_IDLE_IN_TRANSACTION_SECONDS', '0'],
    ['DATABASE_IDLE_IN_TRANSACTION_SECONDS', '3601'],
    ['DATABASE_LOCK_TIMEOUT_SECONDS', '0'],
    ['DATABASE_LOCK_TIMEOUT_SECONDS', '1.5'],
    ['DATABASE_LOCK_TIMEOUT_SECONDS', '301'],
  ])('is refused with %s = %j', (name, value) => {
    const reading = () => parseEnvironment(apiEnvironment, { ...good, [name]: value });
    expect(reading).toThrow(new RegExp(`^the environment is not usable:\n  ${name} `));
    if (value.includes('@')) expect(reading).not.toThrow('pass-word');
  });

  it("has the operator's addresses beside public ones", () => {
    const { OUTBOUND_ALLOW } = parseEnvironment(apiEnvironment, { ...good, OUTBOUND_ALLOW: 'http://10.0.0.0/8' });
    expect(OUTBOUND_ALLOW.refusalOf('http://10.1.2.3')).toBeUndefined();
    expect(OUTBOUND_ALLOW.refusalOf('http://11.1.2.3')).toBeDefined();
  });

  it('is refused with every bad variable named and no value shown', () => {
    const bad = { ...good, METERLINE_ADMIN_KEY: 'too-short', PORT: '70000', METERLINE_SECRET_KEY: 'secret-but-short' };
    const environment = { ...bad, DATABASE_URL: undefined };
    let message = '';
    try {
      parseEnvironment(apiEnvironment, environment);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.split('\n').map((line) => line.trim().split(' ')[0])).toEqual([
      'the',
      'DATABASE_URL',
      'METERLINE_SECRET_KEY',
      'METERLINE_ADMIN_KEY',
      'PORT',
    ]);
    for (const value of [bad.METERLINE_ADMIN_KEY, bad.PORT, bad.METERLINE_SECRET_KEY]) {
      expect(message).not.toContain(value);
    }
  });
});
