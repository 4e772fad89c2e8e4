import { LANGUAGES, type Language } from '#invoicing';
import { linesOf } from '../../../test/support/rating-story.js';
import { wordingIn } from './languages.js';
import { noteIn, titleOf } from './sentences.js';

/** Figures as CLDR 48 writes them: Intl of Node 20.20, looked at by hand. */
const FIGURES: Readonly<Record<Language, [thousand: string, million: string, negative: string]>> = {
  en: ['1,234.50', '12,345,678.9', '-1,234'],
  de: ['1.234,50', '12.345.678,9', '-1.234'],
  fr: ['1\u202f234,50', '12\u202f345\u202f678,9', '-1\u202f234'],
  // At least two digits stand before the first separator.
  es: ['1234,50', '12.345.678,9', '-1234'],
  it: ['1.234,50', '12.345.678,9', '-1.234'],
  pt: ['1.234,50', '12.345.678,9', '-1.234'],
  nl: ['1.234,50', '12.345.678,9', '-1.234'],
  pl: ['1234,50', '12\u00a0345\u00a0678,9', '-1234'],
  // Lakh and crore.
  hi: ['1,234.50', '1,23,45,678.9', '-1,234'],
  ja: ['1,234.50', '12,345,678.9', '-1,234'],
  ar: ['1,234.50', '12,345,678.9', '-1,234'],
};

/** 31 October and 1 February 2026. */
const DATES: Readonly<Record<Language, [string, string]>> = {
  en: ['31 Oct 2026', '1 Feb 2026'],
  de: ['31.10.2026', '01.02.2026'],
  fr: ['31 oct. 2026', '1er févr. 2026'],
  es: ['31 oct 2026', '1 feb 2026'],
  it: ['31 ott 2026', '1 feb 2026'],
  pt: ['31 de out. de 2026', '1 de fev. de 2026'],
  nl: ['31 okt 2026', '1 feb 2026'],
  pl: ['31 paź 2026', '1 lut 2026'],
  hi: ['31 अक्टूबर 2026', '1 फ़रवरी 2026'],
  ja: ['2026年10月31日', '2026年2月1日'],
  ar: ['31 أكتوبر 2026', '1 فبراير 2026'],
};

/** Directive 2006/112/EC art. 226 (11a) in the language's own version; elsewhere the word of the tax office. */
const REVERSE_CHARGE: Readonly<Record<Language, string>> = {
  en: 'Reverse charge',
  de: 'Steuerschuldnerschaft des Leistungsempfängers',
  fr: 'Autoliquidation',
  es: 'Inversión del sujeto pasivo',
  it: 'Inversione contabile',
  pt: 'Autoliquidação',
  nl: 'Btw verlegd',
  pl: 'Odwrotne obciążenie',
  hi: 'रिवर्स चार्ज',
  ja: 'リバースチャージ',
  ar: 'الاحتساب العكسي',
};

describe.each(LANGUAGES)('in %s', (language) => {
  const words = wordingIn(language);

  it('figures, dates and the mention of a reverse charge are as they are written there', () => {
    expect(words.language).toBe(language);
    expect(['1234.50', '12345678.9', '-1234'].map((figure) => words.figure(figure))).toEqual(FIGURES[language]);
    expect(words.figure('999')).toBe('999');
    expect([words.date('2026', 10, 31), words.date('2026', 2, 1)]).toEqual(DATES[language]);
    expect(noteIn({ code: 'reverse_charge' }, words)).toBe(REVERSE_CHARGE[language]);
    expect(words.taxCategories.AE).toBe(REVERSE_CHARGE[language]);
  });

  it('every word is said, and by no other language but where the words are the same', () => {
    const said = (of: unknown): string[] => {
      if (typeof of === 'string') return [of];
      return typeof of === 'object' && of !== null ? Object.values(of).flatMap(said) : [];
    };
    const own = said(words);
    const english = new Set(said(wordingIn('en')));
    expect(own.every((word) => word.trim() !== '')).toBe(true);
    if (language !== 'en') expect(own.filter((word) => english.has(word)).length).toBeLessThan(own.length / 4);
  });

  it('a note says number and date, and a note of an operator stands as it is', () => {
    for (const code of ['corrects', 'replaces'] as const) {
      const note = noteIn({ code, number: 'INV-2026-000001', date: '2026-10-31' }, words);
      expect(note).toContain('INV-2026-000001');
      expect(note).toContain(DATES[language][0]);
    }
    expect(noteIn('As agreed.', words)).toBe('As agreed.');
  });
});

describe('plural forms', () => {
  const terms = (language: Language) =>
    [0, 1, 2, 5, 11, 12, 22, 30, 100, 102].map((days) => wordingIn(language).termsOf(days));

  it('of Polish: dzień, and dni', () => {
    const from = 'od daty wystawienia';
    expect(terms('pl')).toEqual(
      ['0 dni', '1 dzień', '2 dni', '5 dni', '11 dni', '12 dni', '22 dni', '30 dni', '100 dni', '102 dni'].map(
        (days) => `${days} ${from}`,
      ),
    );
    const hours = (quantity: string) => wordingIn('pl').timeUnit('hour', quantity);
    expect(['1', '2', '4', '5', '12', '14', '22', '25', '112', '1.5'].map(hours)).toEqual([
      ...['godzina', 'godziny', 'godziny', 'godzin', 'godzin', 'godzin', 'godziny', 'godzin', 'godzin', 'godziny'],
    ]);
  });

  it('of Arabic: one and two without a figure, 3 to 10, 11 to 99, hundreds', () => {
    const from = 'من تاريخ الإصدار';
    expect(terms('ar')).toEqual(
      [
        ...['0 يوم', 'يوم واحد', 'يومان', '5 أيام', '11 يومًا', '12 يومًا', '22 يومًا', '30 يومًا'],
        ...['100 يوم', '102 يوم'],
      ].map((days) => `${days} ${from}`),
    );
    expect(wordingIn('ar').termsOf(110)).toContain('110 أيام');
  });

  it('of French: below two is one', () => {
    expect(
      terms('fr')
        .slice(0, 3)
        .map((text) => text.slice(0, 7)),
    ).toEqual(['0 jour ', '1 jour ', '2 jours']);
    expect(wordingIn('fr').timeUnit('hour', '1.5')).toBe('heure');
  });

  it('of English and German', () => {
    expect(terms('en').slice(0, 2)).toEqual(['0 days from the issue date', '1 day from the issue date']);
    expect(terms('de').slice(1, 3)).toEqual(['1 Tag ab Rechnungsdatum', '2 Tage ab Rechnungsdatum']);
  });
});

describe('lines that the service names', () => {
  const lines = linesOf({
    ends: '2026-10-11',
    charges: [
      { code: 'a', name: 'Access', type: 'recurring', amount: '31.00', timing: 'in_advance' },
      { code: 'b', name: 'Backup', type: 'recurring', amount: '10.00' },
    ],
    plan: {
      discounts: [
        { type: 'percentage', value: '12.5', applies_to: ['a', 'b'] },
        { type: 'fixed', value: '1.00' },
      ],
      minimum_spend: '500.00',
    },
  });

  it('say in English what their description says, and carry it as codes', () => {
    expect(lines.filter(({ title }) => title !== undefined).length).toBeGreaterThan(3);
    for (const line of lines) expect(titleOf(line, wordingIn('en'))).toBe(line.description);
  });

  it('say it in German and Japanese', () => {
    const of = (language: Language) =>
      new Set(lines.filter(({ title }) => title).map((line) => titleOf(line, wordingIn(language))));
    expect(of('de')).toContain('Rabatt 12,5\u00a0% auf Access, Backup');
    expect(of('de')).toContain('Mindestumsatz, Plan');
    expect(of('ja')).toContain('割引 12.5%（対象：Access、Backup）');
  });
});
