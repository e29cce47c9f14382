/**
 * A4 pages that fill from the top: headings, paragraphs and whatever is drawn on them, each tagged for readers who listen. The same content
 * gives the same bytes: dates and identity come from what is printed, not from the clock.
 */
import PDFDocument from 'pdfkit';
import { type Face, registerFonts } from './fonts.ts';
import { wrapLines } from './wrap-lines.ts';

type Document = InstanceType<typeof PDFDocument>;
type Structure = ReturnType<Document['struct']>;

export const PAGE = { width: 595.28, height: 841.89, left: 52, right: 52, top: 54, bottom: 62 } as const;
export const PARAGRAPH_GAP = 3;
export const CONTENT_WIDTH = PAGE.width - PAGE.left - PAGE.right;
/** Of text that says nothing else. */
const SIZE = 9;
const LINE_GAP = 1.5;
export const INK = {
  text: '#1b2430',
  quiet: '#5b6675',
  rule: '#c9d1da',
  accent: '#1f4e79',
  band: '#eef2f6',
  bad: '#9a5b13',
  good: '#2f6f8f',
} as const;

export interface TextStyle {
  readonly face?: Face;
  readonly size?: number;
  readonly ink?: string;
  readonly align?: 'left' | 'right';
  /** Where a line that is too long gives way; names differ in their ends as well, so they do in the middle. A figure never does: it shrinks. */
  readonly cut?: 'end' | 'middle' | 'never';
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Sheet {
  /** Where the next thing is drawn, from the top of the page. */
  y: number;
  readonly document: Document;
  /** A heading of the outline; begins a new page where less than `room` is left. */
  heading(level: 1 | 2, text: string, room?: number): void;
  paragraph(text: string, style?: TextStyle): void;
  /** Begins a new page where less than this is left; true where it did. */
  ensure(height: number): boolean;
  newPage(): void;
  /** How much is left of the page. */
  room(): number;
  /** One line at a place, cut to its width with an ellipsis. */
  line(text: string, box: Box, style?: TextStyle): void;
  /** A text that wraps, over so many lines at most. */
  lines(text: string, box: Box & { linesMax?: number }, style?: TextStyle): void;
  /** The height of a text that wraps. */
  heightOf(text: string, box: Pick<Box, 'width'> & { linesMax?: number }, style?: TextStyle): number;
  /** Draws content under a tag of the structure, as a part of `parent` or of the document. */
  tagged(type: string, draw: () => void, parent?: Structure, alternative?: string): void;
  /** A structure that other tags are put under. */
  group(type: string, fill: (group: Structure) => void, parent?: Structure): void;
  /** Draws what is no content: lines, bands, repeated heads. */
  artifact(draw: () => void): void;
  finish(footer: string): Promise<Uint8Array>;
}

/** @param given.madeOn the date that the file bears. */
export function openSheet(given: { title: string; author: string; madeOn: string }): Sheet {
  const document = new PDFDocument({
    size: 'A4',
    margins: { top: PAGE.top, bottom: 0, left: PAGE.left, right: PAGE.right },
    pdfVersion: '1.7',
    // Its types know no subset but archives'.
    subset: 'PDF/UA' as 'PDF/A-1',
    tagged: true,
    lang: 'en',
    displayTitle: true,
    bufferPages: true,
    // None by default: pdfkit would open it anew at every change of face.
    font: '',
    info: {
      Title: given.title,
      Author: given.author,
      Creator: 'Outturn',
      Producer: 'Outturn',
      CreationDate: new Date(`${given.madeOn}T00:00:00Z`),
    },
  });
  const chunks: Uint8Array[] = [];
  document.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => document.on('end', resolve).on('error', reject));
  const printable = registerFonts(document);
  const root = document.struct('Document');
  document.addStructure(root);

  const apply = ({ face = 'regular', size = SIZE, ink = INK.text }: TextStyle) =>
    document.font(face).fontSize(size).fillColor(ink);
  const wrap = (text: string, { width, linesMax = Infinity }: { width: number; linesMax?: number }) => {
    const lines = wrapLines(printable(text), width, (part) => document.widthOfString(part));
    const rest = lines.slice(linesMax - 1).join(' ');
    return lines.length <= linesMax ? lines : [...lines.slice(0, linesMax - 1), rest];
  };
  const fit = (text: string, width: number, { cut: at = 'end', size = SIZE }: TextStyle) => {
    const needed = document.widthOfString(text);
    if (needed <= width) return text;
    if (at === 'never') {
      document.fontSize((size * width) / needed);
      return text;
    }
    const letters = Array.from(text);
    const cut = (count: number) => {
      const ending = at === 'middle' ? Math.floor(count / 2) : 0;
      const [head, tail] = [letters.slice(0, count - ending), letters.slice(letters.length - ending)];
      return `${head.join('').trimEnd()}…${tail.join('').trimStart()}`;
    };
    // By halves, for each width asked lays the text out.
    let [fits, exceeds] = [0, letters.length];
    while (exceeds - fits > 1) {
      const middle = Math.floor((fits + exceeds) / 2);
      if (document.widthOfString(cut(middle)) <= width) fits = middle;
      else exceeds = middle;
    }
    return cut(fits);
  };

  const sheet: Sheet = {
    y: PAGE.top,
    document,
    heading(level, text, room = 90) {
      const size = level === 1 ? 24 : 13;
      if (level === 2 && sheet.y > PAGE.top) sheet.y += 16;
      sheet.ensure(room);
      sheet.tagged(`H${level}`, () =>
        sheet.line(text, { x: PAGE.left, y: sheet.y, width: CONTENT_WIDTH }, { face: 'bold', size, ink: INK.accent }),
      );
      document.outline.addItem(printable(text));
      sheet.y += size * 1.6;
    },
    paragraph(text, style = {}) {
      const box = { x: PAGE.left, width: CONTENT_WIDTH };
      const height = sheet.heightOf(text, box, style);
      sheet.ensure(height);
      sheet.tagged('P', () => sheet.lines(text, { ...box, y: sheet.y }, style));
      sheet.y += height + PARAGRAPH_GAP;
    },
    ensure(height) {
      if (height <= sheet.room()) return false;
      sheet.newPage();
      return true;
    },
    room() {
      return PAGE.height - PAGE.bottom - sheet.y;
    },
    newPage() {
      document.addPage();
      sheet.y = PAGE.top;
    },
    line(text, { x, y, width }, style = {}) {
      apply(style);
      const shown = fit(printable(text), width, style);
      const left = style.align === 'right' ? x + width - document.widthOfString(shown) : x;
      document.text(shown, left, y, { lineBreak: false });
    },
    lines(text, box, style = {}) {
      apply(style);
      const lines = wrap(text, box);
      const height = document.currentLineHeight(true) + LINE_GAP;
      for (const [index, line] of lines.entries()) {
        const at = { x: box.x, y: box.y + index * height };
        // Ends in the space that whoever listens or copies needs between two lines.
        if (index < lines.length - 1) sheet.line(`${line} `, { ...at, width: box.width + height }, style);
        else sheet.line(line, { ...at, width: box.width }, style);
      }
    },
    heightOf(text, box, style = {}) {
      apply(style);
      return wrap(text, box).length * (document.currentLineHeight(true) + LINE_GAP);
    },
    tagged(type, draw, parent = root, alternative) {
      parent.add(document.struct(type, alternative === undefined ? {} : { alt: alternative }, draw));
    },
    group(type, fill, parent = root) {
      const group = document.struct(type);
      parent.add(group);
      fill(group);
      group.end();
    },
    artifact(draw) {
      document.markContent('Artifact', { type: 'Layout' });
      draw();
      document.endMarkedContent();
    },
    async finish(footer) {
      numberPages(sheet, footer);
      root.end();
      document.end();
      await ended;
      return Buffer.concat(chunks);
    },
  };
  return sheet;
}

/** Under every page what it is of, and which of how many. */
function numberPages(sheet: Sheet, footer: string): void {
  const { document } = sheet;
  const { count } = document.bufferedPageRange();
  const y = PAGE.height - 40;
  for (let page = 0; page < count; page += 1) {
    document.switchToPage(page);
    sheet.artifact(() => {
      document
        .moveTo(PAGE.left, y - 6)
        .lineTo(PAGE.width - PAGE.right, y - 6)
        .lineWidth(0.5)
        .strokeColor(INK.rule)
        .stroke();
      const style = { size: 7.5, ink: INK.quiet };
      sheet.line(footer, { x: PAGE.left, y, width: CONTENT_WIDTH - 80 }, style);
      sheet.line(
        `page ${page + 1} of ${count}`,
        { x: PAGE.width - PAGE.right - 80, y, width: 80 },
        { ...style, align: 'right' },
      );
    });
  }
}
