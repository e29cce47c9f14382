/**
 * The fonts of the PDF, embedded so that names keep their letters on every machine: Latin, Greek, Cyrillic and Devanagari. A letter the font
 * has not is printed without its marks, or as a question mark, never as garbage.
 */
import { fileURLToPath } from 'node:url';
import type PDFDocument from 'pdfkit';

export type Face = 'regular' | 'bold';

const FILES: Readonly<Record<Face, string>> = {
  regular: fileURLToPath(import.meta.resolve('@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf')),
  bold: fileURLToPath(import.meta.resolve('@expo-google-fonts/noto-sans/600SemiBold/NotoSans_600SemiBold.ttf')),
};

type Document = InstanceType<typeof PDFDocument>;

/** What pdfkit keeps of an embedded font, and does not describe in its types. */
interface EmbeddedFont {
  readonly _font: { readonly font: { hasGlyphForCodePoint(codePoint: number): boolean } };
}

/** Makes both faces known to a document; gives what makes a text printable in it. */
export function registerFonts(document: Document): (text: string) => string {
  document.registerFont('regular', FILES.regular);
  document.registerFont('bold', FILES.bold);
  document.font('regular');
  const { font } = (document as unknown as EmbeddedFont)._font;
  const has = (letter: string) => font.hasGlyphForCodePoint(letter.codePointAt(0) ?? 0);
  return (text) => {
    const shown = text.normalize('NFC').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
    return Array.from(shown, (letter) => printable(letter, has)).join('');
  };
}

function printable(letter: string, has: (letter: string) => boolean): string {
  if (has(letter)) return letter;
  const bare = letter.normalize('NFKD').replaceAll(/\p{M}/gu, '');
  return bare !== '' && Array.from(bare).every(has) ? bare : '?';
}
