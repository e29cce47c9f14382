/**
 * The CIO's quarter as a PDF: one page first, then the bridges as waterfalls, then every table. Made of the report alone, so that the same
 * report is the same file, byte for byte.
 */
import { type PageSection, placesFor } from '../pages/page-table.ts';
import { type SectionName, sectionsOf } from '../pages/sections.ts';
import type { CloudReturn } from '../shape.ts';
import { soFar, titleOf } from '../wording.ts';
import { drawFirstPage } from './draw-first-page.ts';
import { drawTable, tableRoom } from './draw-table.ts';
import { drawWaterfall, waterfallRoom } from './draw-waterfall.ts';
import { INK, openSheet, type Sheet } from './sheet.ts';

/** A heading, and enough of what follows to be worth its page. */
const HEADING_ROOM = 60;
/** Of what stands above a table. */
const LEAD_ROOM = 16;
/** Of a table of two columns. */
const NARROW = 300;
const NOTE = { size: 8, ink: INK.quiet } as const;

/** The file. */
export async function cloudReturnPdf(found: CloudReturn): Promise<Uint8Array> {
  const { organisation, madeOn, state, statementId } = found;
  const title = titleOf(found);
  const sheet = openSheet({ title, author: organisation, madeOn });
  drawFirstPage(sheet, found);
  const sections = sectionsOf(found);
  if (sections.length > 0) sheet.newPage();
  for (const section of sections) {
    const bridge = section.table === null ? null : bridgeOf(found, section.name);
    const room =
      bridge === null
        ? HEADING_ROOM + section.lead.length * LEAD_ROOM + tableRoom(section.table)
        : waterfallRoom(bridge.steps.length);
    drawSection(sheet, section, room, () => {
      const { currency, summary } = found;
      if (bridge !== null)
        drawWaterfall(sheet, bridge, {
          period: soFar(found),
          currency,
          places: placesFor(summary.figures.cost),
          welcomes: section.name === 'valueBridge' ? 'more' : 'less',
        });
      else if (section.table !== null)
        drawTable(sheet, section.table, section.table.heads.length === 2 ? { width: NARROW } : {});
    });
  }
  return sheet.finish(`${title} (${statementId === null ? state : `statement ${statementId}`}), made on ${madeOn}`);
}

/** What is drawn of a section, where it is more than its table. */
function bridgeOf({ costBridge, valueBridge }: CloudReturn, name: SectionName) {
  return name === 'costBridge' ? costBridge : name === 'valueBridge' ? valueBridge : null;
}

function drawSection(sheet: Sheet, { title, lead, notes }: PageSection, room: number, draw: () => void): void {
  sheet.heading(2, title, room);
  for (const line of lead) sheet.paragraph(line);
  draw();
  for (const line of notes) sheet.paragraph(line, NOTE);
}
