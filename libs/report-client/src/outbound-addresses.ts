import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ReportApiError } from './report-api-error.js';

/** One entry of an allow-list: a host by name, or a range of addresses; with plain HTTP or without. */
type Allowed = { readonly plainHttp: boolean } & (
  { readonly host: string } | { readonly range: readonly [ipaddr.IPv4 | ipaddr.IPv6, number] }
);

/** Why a URL may not be asked, in words that name what to do. */
export interface AddressRefusal {
  readonly message: string;
}

/** The code of the error with which a connection to a refused address fails. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

const ALLOW = 'or let the operator name it in OUTBOUND_ALLOW';

/**
 * Which addresses this service connects to when a user of its API names them (server-side request forgery, OWASP): public
 * addresses over HTTPS, and what the operator's allow-list names. A URL is checked where it is written; what its host
 * resolves to is checked again at each connection, so that a name which later points inward leads nowhere.
 */
export class OutboundAddresses {
  readonly #allowed: readonly Allowed[];
  readonly #origins: ReadonlySet<string>;

  private constructor(allowed: readonly Allowed[], origins: ReadonlySet<string>) {
    this.#allowed = allowed;
    this.#origins = origins;
  }

  /** Public addresses over HTTPS alone. */
  static readonly PUBLIC = new OutboundAddresses([], new Set());

  /**
   * Reads an allow-list: entries separated by commas, each a host name, an address or a CIDR range, with `http://` before it
   * where plain HTTP is allowed, too. Such as `reports.internal, 10.20.0.0/16, http://127.0.0.0/8`.
   *
   * @throws ReportApiError `invalid_configuration` that names the position of the first entry that is none
   */
  static parse(list: string): OutboundAddresses {
    const entries = list.split(',').map((entry) => entry.trim());
    const named = entries.filter((entry) => entry !== '');
    return new OutboundAddresses(named.map(parseEntry), new Set());
  }

  /** Whether a text is an allow-list. */
  static canParse(list: string): boolean {
    try {
      OutboundAddresses.parse(list);
      return true;
    } catch (error) {
      if (error instanceof ReportApiError) return false;
      throw error;
    }
  }

  /** The same, and one origin more (scheme, host and port), whatever it resolves to: an address the operator configured. */
  withOrigin(baseUrl: string): OutboundAddresses {
    if (!URL.canParse(baseUrl)) return this;
    return new OutboundAddresses(this.#allowed, new Set([...this.#origins, new URL(baseUrl).origin]));
  }

  /**
   * Checks a base URL as it is written, without asking a name server.
   *
   * @returns why it is refused, or undefined
   */
  refusalOf(baseUrl: string): AddressRefusal | undefined {
    const url = plainUrl(baseUrl);
    if (url === undefined) {
      return { message: 'must be https://host[:port][/path], with no user, query or fragment' };
    }
    if (this.#origins.has(url.origin)) return undefined;
    const host = hostOf(url);
    const literal = addressOf(host);
    if (literal?.kind() === 'ipv4' && !baseUrl.includes(host)) {
      return { message: `must write its address in dotted form, ${host}` };
    }
    const addresses = literal ? [literal] : isLoopbackName(host) ? LOOPBACK : [];
    const plainHttp = url.protocol === 'http:';
    if (addresses.length > 0) {
      return addresses.every((address) => this.#permits(host, address, plainHttp)) ? undefined : refused(plainHttp);
    }
    // What a name resolves to is known at the connection; a name over plain HTTP needs an entry that could allow it.
    const mayBeAllowed = this.#allowed.some((entry) => entry.plainHttp && (!('host' in entry) || entry.host === host));
    return plainHttp && !mayBeAllowed ? refused(true) : undefined;
  }

  /** Whether a connection to this address, to which the host of the origin resolved, may be made. */
  permits(origin: string, address: string): boolean {
    if (this.#origins.has(origin)) return true;
    const url = new URL(origin);
    const resolved = addressOf(address);
    return resolved !== undefined && this.#permits(hostOf(url), resolved, url.protocol === 'http:');
  }

  /** A look-up for connections to one origin that fails with the code ADDRESS_REFUSED where any address is refused. */
  lookupFor(origin: string): LookupFunction {
    return (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, found) => {
        if (error) return callback(error, []);
        if (!found.every(({ address }) => this.permits(origin, address))) {
          return callback(Object.assign(new Error('address refused'), { code: ADDRESS_REFUSED }), []);
        }
        const [first] = found;
        if (options.all || first === undefined) callback(null, found);
        else callback(null, first.address, first.family);
      });
    };
  }

  #permits(host: string, address: ipaddr.IPv4 | ipaddr.IPv6, plainHttp: boolean): boolean {
    const allowing = this.#allowed.filter((entry) =>
      'host' in entry ? entry.host === host : contains(entry.range, address),
    );
    if (plainHttp) return allowing.some((entry) => entry.plainHttp);
    return allowing.length > 0 || address.range() === 'unicast';
  }
}

const LOOPBACK = [ipaddr.parse('127.0.0.1'), ipaddr.parse('::1')];

function refused(plainHttp: boolean): AddressRefusal {
  return {
    message: plainHttp
      ? `must be https://; plain HTTP shows the key to the network: ${ALLOW} with http:// before it`
      : `must not be an address of this machine, of a private network or of a link: use a public one, ${ALLOW}`,
  };
}

/** A URL of http or https with a host and nothing but a path behind it, or undefined. */
export function plainUrl(text: string): URL | undefined {
  // WHATWG drops blanks and tabs that a reader would not expect in an address.
  if (!/^https?:\/\/[\x21-\x7e]+$/i.test(text) || text.length > 2_000 || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname && !url.username && !url.password && !/[?#@\\]/.test(text) ? url : undefined;
}

/** The host without the brackets of IPv6 and without the dot of the root. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

/** An address, an IPv4 address that is mapped into IPv6 as what it is; undefined for a name. */
function addressOf(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : undefined;
}

function contains([base, bits]: readonly [ipaddr.IPv4 | ipaddr.IPv6, number], address: ipaddr.IPv4 | ipaddr.IPv6) {
  return base.kind() === address.kind() && address.match(base, bits);
}

function parseEntry(entry: string, position: number): Allowed {
  const plainHttp = entry.startsWith('http://');
  const text = entry.replace(/^https?:\/\//, '').toLowerCase();
  if (ipaddr.isValidCIDR(text)) return { plainHttp, range: ipaddr.parseCIDR(text) };
  const address = addressOf(text.replace(/^\[(.*)\]$/, '$1'));
  if (address) return { plainHttp, range: [address, address.kind() === 'ipv4' ? 32 : 128] };
  if (/^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$/.test(text)) {
    if (!/^[\d.]+$/.test(text)) return { plainHttp, host: text };
  }
  throw new ReportApiError(
    'invalid_configuration',
    `entry ${position + 1} must be a host name, an address or a range such as 10.0.0.0/8, after http:// if need be`,
  );
}

/** Origin and path of a base URL. Throws `invalid_configuration` when it is not a plain http(s) address. */
export function baseAddress(baseUrl: string): { origin: string; path: string } {
  const url = plainUrl(baseUrl);
  if (url === undefined) {
    throw new ReportApiError(
      'invalid_configuration',
      'the base URL of the report API must be http(s)://host[:port][/path], with no user, query or fragment',
    );
  }
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, '') };
}
