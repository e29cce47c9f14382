/**
 * Walks through XML as workbooks have it: elements, attributes, text. No document type is read, so nothing in a file can name another file
 * or grow; every step goes forward, so that the time is that of the length.
 */
import { unescapeXml } from './xml-text.ts';

export interface XmlVisitor {
  /** `name` is without its prefix. */
  open?(name: string, attributes: (name: string) => string | undefined): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** Far more than a workbook nests. */
const DEPTH_MAX = 100;

/** @throws UnreadableXml */
export function readXml(xml: string, visitor: XmlVisitor): void {
  let at = 0;
  const open: string[] = [];
  while (at < xml.length) {
    const opening = xml.indexOf('<', at);
    const end = opening === -1 ? xml.length : opening;
    if (end > at) visitor.text?.(unescapeXml(xml.slice(at, end)));
    if (opening === -1) break;
    at = readMarkup(xml, opening, open, visitor);
  }
  if (open.length > 0) throw new UnreadableXml(`it ends inside <${open.at(-1)}>`);
}

export class UnreadableXml extends Error {}

/** From a `<` to what follows its end. */
function readMarkup(xml: string, at: number, open: string[], visitor: XmlVisitor): number {
  if (xml.startsWith('<!--', at)) return after(xml, '-->', at);
  if (xml.startsWith('<?', at)) return after(xml, '?>', at);
  if (xml.startsWith('<![CDATA[', at)) {
    const next = after(xml, ']]>', at);
    visitor.text?.(xml.slice(at + '<![CDATA['.length, next - ']]>'.length));
    return next;
  }
  if (xml.startsWith('<!', at)) throw new UnreadableXml('it declares a document type');
  const end = endOfTag(xml, at + 1);
  const isClosing = xml[at + 1] === '/';
  const isEmpty = !isClosing && xml[end - 1] === '/';
  const tag = xml.slice(isClosing ? at + 2 : at + 1, isEmpty ? end - 1 : end);
  const qualified = tag.slice(0, endOfWord(tag, 0));
  const name = qualified.slice(qualified.indexOf(':') + 1);
  if (isClosing) {
    if (open.pop() !== name) throw new UnreadableXml(`</${name}> ends what was not begun`);
  } else {
    if (open.length === DEPTH_MAX) throw new UnreadableXml(`it nests more than ${DEPTH_MAX} elements`);
    if (!isEmpty) open.push(name);
    visitor.open?.(name, (wanted) => attributeOf(tag, wanted));
  }
  if (isClosing || isEmpty) visitor.close?.(name);
  return end + 1;
}

/** The `>` that ends the tag; one inside quotes does not. */
function endOfTag(xml: string, from: number): number {
  let at = from;
  for (;;) {
    const sign = xml[at];
    if (sign === undefined) throw new UnreadableXml('it ends inside a tag');
    if (sign === '>') return at;
    at = sign === '"' || sign === "'" ? after(xml, sign, at + 1) : at + 1;
  }
}

function after(xml: string, mark: string, from: number): number {
  const found = xml.indexOf(mark, from);
  if (found === -1) throw new UnreadableXml(`it ends before ${mark}`);
  return found + mark.length;
}

const QUOTES = new Set(['"', "'"]);

/** With or without a prefix. Once through the tag, word by word: what is no name with a value is passed over. */
function attributeOf(tag: string, wanted: string): string | undefined {
  let at = endOfWord(tag, 0);
  while (at < tag.length) {
    const begin = skipBlanks(tag, at);
    const end = endOfWord(tag, begin);
    const sign = skipBlanks(tag, end);
    if (tag[sign] !== '=') {
      at = Math.max(end, begin + 1);
      continue;
    }
    const quoteAt = skipBlanks(tag, sign + 1);
    const quote = tag[quoteAt] ?? '';
    if (!QUOTES.has(quote)) {
      at = quoteAt;
      continue;
    }
    const close = tag.indexOf(quote, quoteAt + 1);
    if (close === -1) return undefined;
    const isWanted =
      tag.endsWith(wanted, end) && (end - begin === wanted.length || tag[end - wanted.length - 1] === ':');
    if (isWanted) return unescapeXml(tag.slice(quoteAt + 1, close));
    at = close + 1;
  }
  return undefined;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

/** Of a name, which ends at a blank, a sign of equality or a quote. */
function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isBlank(text.charCodeAt(at)) && !'="\''.includes(text.charAt(at))) at += 1;
  return at;
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}
