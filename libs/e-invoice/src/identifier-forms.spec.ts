import { hasItsForm } from './identifier-forms.js';

/** Numbers that their registers or networks have published. */
const KNOWN: [string, string][] = [
  ['0088', '7300010000001'],
  ['0192', '974760673'],
  ['0184', '12345674'],
  ['0184', 'DK12345674'],
  ['0096', '1012345678'],
  ['0198', 'DK12345674'],
  ['0208', '0202239951'],
  ['0007', '5560125790'],
  ['0151', '51824753556'],
];

describe('identifiers of networks', () => {
  it.each(KNOWN)('%s knows %s, and no other length', (scheme, id) => {
    expect(hasItsForm(scheme, id)).toBe(true);
    for (const other of [`${id}0`, id.slice(0, -1), '', `${id.slice(0, -1)}x`, ` ${id}`]) {
      expect([other, hasItsForm(scheme, other)]).toEqual([other, false]);
    }
  });

  it.each(KNOWN.filter(([scheme]) => ['0088', '0192', '0208', '0007', '0151'].includes(scheme)))(
    '%s finds every digit of %s that is mistaken for the next one',
    (scheme, id) => {
      for (let position = 0; position < id.length; position += 1) {
        const digit = (id.charCodeAt(position) - 47) % 10;
        const slip = `${id.slice(0, position)}${digit}${id.slice(position + 1)}`;
        expect([slip, hasItsForm(scheme, slip)]).toEqual([slip, false]);
      }
    },
  );

  it('takes any text where no form is known', () => {
    for (const scheme of ['9930', '0204', 'EM', null, 'constructor']) expect(hasItsForm(scheme, 'x')).toBe(true);
  });
});
