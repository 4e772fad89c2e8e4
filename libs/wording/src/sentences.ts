import type { DocumentNote } from '#invoicing';
import type { RatedLine } from '#rating';
import type { Wording } from './wording.js';

/** What a line is called: in the language's words where the service names it, else as the plan or an operator wrote it. */
export function titleOf({ description, title }: Pick<RatedLine, 'description' | 'title'>, words: Wording): string {
  if (title === undefined) return description;
  if (title.code !== 'discount') return words.lineTitle[title.code](title.name);
  const value = words.figure(title.value);
  const much = title.type === 'percentage' ? words.percent(value) : `${value} ${title.currency}`;
  const said = words.lineTitle.discount(much, title.on && title.on.join(words.comma));
  return title.unused_share ? words.lineTitle.unusedShareOf(said) : said;
}

/** A note in the language; one that an operator wrote, or the service before it had codes, as it stands. */
export function noteIn(note: string | DocumentNote, words: Wording): string {
  if (typeof note === 'string') return note;
  switch (note.code) {
    case 'corrects':
    case 'replaces':
      return words.note[note.code](note.number, longDate(note.date, words));
    default:
      return words.note[note.code];
  }
}

/** A date `YYYY-MM-DD` as the language writes it. */
export function longDate(date: string, words: Wording): string {
  const [year = '', month = '', day = ''] = date.split('-');
  return words.date(year, Number.parseInt(month, 10), Number.parseInt(day, 10));
}
