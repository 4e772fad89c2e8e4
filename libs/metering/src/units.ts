import { Decimal, Ratio } from '#money';

/** Units by what they measure, in the words of a tariff plan. Powers of ten and powers of two are kept apart. */
export const UNITS = {
  bytes: ['B', 'kB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB', 'TiB'],
  time: ['second', 'minute', 'hour', 'day'],
  bandwidth: ['bps', 'kbps', 'Mbps', 'Gbps'],
} as const;

export type Unit = (typeof UNITS)[keyof typeof UNITS][number];

const IN_BASE_UNITS: Readonly<Record<Unit, Decimal>> = {
  B: new Decimal(1),
  kB: new Decimal('1e3'),
  MB: new Decimal('1e6'),
  GB: new Decimal('1e9'),
  TB: new Decimal('1e12'),
  KiB: new Decimal(2).pow(10),
  MiB: new Decimal(2).pow(20),
  GiB: new Decimal(2).pow(30),
  TiB: new Decimal(2).pow(40),
  second: new Decimal(1),
  minute: new Decimal(60),
  hour: new Decimal(3_600),
  day: new Decimal(86_400),
  bps: new Decimal('1e-6'),
  kbps: new Decimal('1e-3'),
  Mbps: new Decimal(1),
  Gbps: new Decimal('1e3'),
};

/** How many base units (byte, second, Mbps) one `unit` is, exactly. A day is 86,400 seconds. */
export function unitFactor(unit: Unit): Ratio {
  return Ratio.of(IN_BASE_UNITS[unit]);
}
