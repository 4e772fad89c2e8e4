import type { RatedLine } from '#rating';

type Entity = NonNullable<RatedLine['entity']>;

/** The value of an entity as a document shows it: of a subscriber's number, which is personal data, the last four digits. */
export function shownValue({ dimension, value }: Pick<Entity, 'dimension' | 'value'>): string {
  if (dimension !== 'msisdn' && dimension !== 'imsi') return value;
  return `••••${value.length > 4 ? value.slice(-4) : ''}`;
}

/** A text about a line, with the number of the line's subscriber hidden where the text repeats it. */
export function withoutSubscriberNumber(text: string, entity: Entity | null): string {
  return entity && entity.value.length > 4 ? text.replaceAll(entity.value, shownValue(entity)) : text;
}
