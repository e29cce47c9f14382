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
  const blank = tag.search(/\s/);
  const qualified = blank === -1 ? tag : tag.slice(0, blank);
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

// A name begins where a word begins: tried at each of its letters, a long word without a value would take the square of its length.
const ATTRIBUTE = /(?<![^\s="'])([^\s="']+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** With or without a prefix. */
function attributeOf(tag: string, wanted: string): string | undefined {
  for (const [, name = '', double, single] of tag.matchAll(ATTRIBUTE)) {
    if (name === wanted || name.endsWith(`:${wanted}`)) return unescapeXml(double ?? single ?? '');
  }
  return undefined;
}
