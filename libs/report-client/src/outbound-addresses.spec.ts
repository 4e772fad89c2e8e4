import { OutboundAddresses } from './outbound-addresses.js';

const { PUBLIC } = OutboundAddresses;

/** What the look-up of a connection says to one address: the address, or the code it fails with. */
function looked(policy: OutboundAddresses, origin: string, address: string): Promise<string> {
  return new Promise((resolve) => {
    policy.lookupFor(origin)(address, { all: false }, (error, found) => resolve(error?.code ?? String(found)));
  });
}

describe('addresses that a user of the API may name', () => {
  it.each([
    'https://report.example.com',
    'https://report.example.com:8443/base/path',
    'https://93.184.216.34/api',
    'https://[2606:2800:220:1:248:1893:25c8:1946]',
  ])('%s is taken', (url) => {
    expect(PUBLIC.refusalOf(url)).toBeUndefined();
  });

  // Ranges of the IANA special-purpose address registries (RFC 6890), and the ways in which a loopback address can be written.
  it.each([
    'http://report.example.com',
    'https://127.0.0.1',
    'https://127.1',
    'https://2130706433',
    'https://0x7f000001',
    'https://0177.0.0.1',
    'https://0.0.0.0',
    'https://10.1.2.3',
    'https://172.16.0.1',
    'https://192.168.1.1',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1',
    'https://192.0.2.1',
    'https://198.18.0.1',
    'https://224.0.0.1',
    'https://255.255.255.255',
    'https://[::]',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:7f00:1]',
    'https://[fe80::1]',
    'https://[fd00::1]',
    'https://[64:ff9b::7f00:1]',
    'https://[2002:7f00:1::]',
    'https://localhost',
    'https://localhost.',
    'https://LOCALHOST',
    'https://db.localhost',
    'https://134744072',
  ])('%s is refused', (url) => {
    expect(PUBLIC.refusalOf(url)?.message).toMatch(/^must /);
  });

  it.each([
    'http://',
    'https://',
    'http://127.0.0.1:99999',
    'http://xn--a:1',
    'https://user:secret@report.example.com',
    'https://report.example.com/?apikey=1',
    'https://report.example.com/#x',
    'https://report.example.com\\@evil.example',
    'https://report.example.com/a b',
    'https://report.exa\tmple.com',
    ' https://report.example.com',
    'ftp://report.example.com',
    'file:///etc/passwd',
    'report.example.com',
    '',
    `https://report.example.com/${'a'.repeat(2_000)}`,
  ])('%j is no address', (url) => {
    expect(PUBLIC.refusalOf(url)?.message).toBe('must be https://host[:port][/path], with no user, query or fragment');
  });

  it("are also what the operator's list names, over plain HTTP only where the list says so", () => {
    const policy = OutboundAddresses.parse(
      'reports.internal, 10.20.0.0/16, http://127.0.0.0/8,http://[::1], http://old.example',
    );
    for (const url of [
      'https://10.20.255.255',
      'http://127.0.0.1:8080/base',
      'https://127.9.9.9',
      'http://[::1]:9',
      'http://localhost:3000',
      'http://old.example',
    ]) {
      expect([url, policy.refusalOf(url)]).toEqual([url, undefined]);
    }
    for (const url of ['http://10.20.0.1', 'https://10.21.0.1', 'https://192.168.0.1', 'https://[fd00::1]']) {
      expect([url, typeof policy.refusalOf(url)?.message]).toEqual([url, 'string']);
    }
  });

  it('are judged by what their host resolves to: a name that points inward is refused at the connection', () => {
    const policy = OutboundAddresses.parse('reports.internal, http://127.0.0.0/8');
    for (const [origin, address, permitted] of [
      ['https://rebound.example', '93.184.216.34', true],
      ['https://rebound.example', '10.0.0.1', false],
      ['https://rebound.example', '::ffff:169.254.169.254', false],
      ['https://reports.internal', '10.0.0.1', true],
      ['http://reports.internal', '10.0.0.1', false],
      ['http://public.example', '93.184.216.34', false],
      ['http://rebound.example', '127.0.0.1', true],
      ['https://rebound.example', 'no address', false],
    ] as const) {
      expect([origin, address, policy.permits(origin, address)]).toEqual([origin, address, permitted]);
    }
  });

  it('fail a look-up with a code of their own', async () => {
    expect(await looked(PUBLIC, 'https://rebound.example', '127.0.0.1')).toBe('ADDRESS_REFUSED');
    expect(await looked(PUBLIC, 'https://rebound.example', '93.184.216.34')).toBe('93.184.216.34');
    const own = PUBLIC.withOrigin('http://rebound.example:8080/path');
    expect(await looked(own, 'http://rebound.example:8080', '127.0.0.1')).toBe('127.0.0.1');
    expect(await looked(own, 'http://rebound.example', '127.0.0.1')).toBe('ADDRESS_REFUSED');
  });

  it.each(['10.0.0.0/33', '10.0.0', '300.1.1.1', 'a b', 'http://', 'https://host/path', 'user@host', '-a.example'])(
    'a list with %j is refused and names its place',
    (entry) => {
      expect(() => OutboundAddresses.parse(`ok.example, ${entry}`)).toThrow('entry 2 must be');
    },
  );
});
