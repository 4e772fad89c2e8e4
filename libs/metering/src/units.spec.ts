import { type Unit, unitFactor, UNITS } from './units.js';

describe('unitFactor', () => {
  const factors: Record<Unit, string> = {
    B: '1',
    kB: '1000',
    MB: '1000000',
    GB: '1000000000',
    TB: '1000000000000',
    KiB: '1024',
    MiB: '1048576',
    GiB: '1073741824',
    TiB: '1099511627776',
    second: '1',
    minute: '60',
    hour: '3600',
    day: '86400',
    bps: '0.000001',
    kbps: '0.001',
    Mbps: '1',
    Gbps: '1000',
  };

  it.each(Object.entries(factors))('one %s is %s base units', (unit, base) => {
    expect(
      unitFactor(unit as Unit)
        .toExactDecimal()
        ?.toFixed(),
    ).toBe(base);
  });

  it('knows exactly the units of a tariff plan', () => {
    expect(Object.values(UNITS).flat().sort()).toEqual(Object.keys(factors).sort());
  });
});
