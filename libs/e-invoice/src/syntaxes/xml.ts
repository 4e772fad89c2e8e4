/** XML as text. Elements without content are left out: the rules of Peppol allow no empty one (R008). */

export type Attributes = Readonly<Record<string, string | null>>;

/** An element with text; nothing for null and for what is blank. */
export function leaf(name: string, text: string | null, attributes: Attributes = {}): string {
  if (text === null || text.trim() === '') return '';
  return `<${name}${written(attributes)}>${escaped(text)}</${name}>`;
}

/** An element of elements; nothing when there is none in it. */
export function group(name: string, ...children: readonly string[]): string {
  const content = children.join('');
  return content === '' ? '' : `<${name}>${content}</${name}>`;
}

/** A document: its root with the namespaces of the prefixes it uses. */
export function documentOf(root: string, namespaces: Attributes, ...children: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${written(namespaces)}>${children.join('')}</${root}>\n`;
}

/** What is no character of XML 1.0 (production 2, Char), escaped or not; unpaired surrogates are among it. */
const NOT_IN_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

/** The first character of a text that XML cannot carry, as `U+0007`; null when there is none. */
export function characterNotInXml(xml: string): string | null {
  const code = NOT_IN_XML.exec(xml)?.[0].codePointAt(0);
  return code === undefined ? null : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A reader turns a bare carriage return into a line feed.
  '\r': '&#13;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? character);
}

function written(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => (value === null ? '' : ` ${name}="${escaped(value)}"`))
    .join('');
}
