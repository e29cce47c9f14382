/** The page a board reads: the quarter in sentences, four figures with what qualifies each, pods, decisions and what owners say. */
import { decimal, isZero, ratio } from '../../kernel/decimal.ts';
import { commentLines, decisionLine, insteadOfReturn, podLine } from '../pages/first-page.ts';
import { asFigure, asPercent, placesFor } from '../pages/page-table.ts';
import { DECISIONS_TITLE } from '../pages/rest-pages.ts';
import type { CloudReturn, ComparedQuarter, NamedPod } from '../shape.ts';
import { ageOfOldestClaim, asChange, asTimes, hasFigures, hasOutcomes, sentence, standingOf } from '../wording.ts';
import { drawTable } from './draw-table.ts';
import { CONTENT_WIDTH, INK, PAGE, PARAGRAPH_GAP, type Sheet } from './sheet.ts';

/** The last tile has so much more room, for a return never stands without its coverage. */
const TILE = { height: 85, notesAt: 46, gap: 10, padding: 9, more: 0.4 } as const;
const TILE_NOTE = { size: 7.5 } as const;
const HALF_GAP = 24;
/** So that the page stays one page. */
const COMMENTS_MAX = 6;
const COMMENT_HEIGHT = 14;
const SUBHEADING_HEIGHT = 18;
const QUIET = { size: 8, ink: INK.quiet } as const;

/** For whoever has never seen the product. */
const DEFINITIONS =
  'Verified value is what work of pods, which are delivery teams, earned or saved on these days, as finance has confirmed it by evidence; claimed value waits for that and is in no return. Attributed spend is what rules give to a pod.';

export function drawFirstPage(sheet: Sheet, found: CloudReturn): void {
  const { organisation, quarter, summary } = found;
  if (organisation !== '') {
    const box = { x: PAGE.left, y: sheet.y, width: CONTENT_WIDTH };
    sheet.tagged('P', () => sheet.line(organisation, box, { face: 'bold', size: 10, ink: INK.quiet }));
    sheet.y += 16;
  }
  sheet.heading(1, `Cloud return, ${quarter.id}`);
  sheet.paragraph(
    `${sentence(standingOf(found))} ${found.costMetric} in ${found.currency}, data as of ${found.dataAsOf?.slice(0, 10) ?? 'n/a'}, made on ${found.madeOn}.`,
    QUIET,
  );
  sheet.y += 8;
  if (!hasFigures(found)) {
    for (const line of found.headline) sheet.paragraph(line, { face: 'bold', size: 10 });
    return;
  }
  drawTiles(sheet, found);
  sheet.y += 6;
  sheet.paragraph(`${sentence(found.method.returnScope)} ${DEFINITIONS}`, QUIET);
  sheet.y += 6;
  for (const [index, line] of found.headline.entries()) {
    sheet.paragraph(line, index === 0 ? { face: 'bold', size: 10 } : { size: 9.5 });
  }
  sheet.y += 6;
  drawPods(sheet, found, [
    { title: 'Best verified return', last: 'return', pods: summary.best, none: 'No pod has a verified return yet.' },
    {
      title: 'Delivery pods without verified value',
      last: insteadOfReturn(summary.unexplained),
      pods: summary.unexplained,
      none: found.pods.some(({ kind }) => kind === 'delivery')
        ? 'None: every delivery pod with cost has some.'
        : 'There is no delivery pod with cost yet.',
    },
  ]);
  drawDecisions(sheet, found);
  drawComments(sheet, found);
}

function drawTiles(sheet: Sheet, found: CloudReturn): void {
  const { summary, currency } = found;
  const { figures, approved, lastQuarter } = summary;
  const places = placesFor(figures.cost);
  const { counted, all } = found.days;
  const isWhole = counted === all;
  const daysOfEach = isWhole ? [] : [`${counted} days of each quarter`];
  const tiles: { name: string; figure: string; notes: string[] }[] = [
    {
      name: `Cloud cost, ${currency}`,
      figure: asFigure(figures.cost, places),
      notes: [changeOn(lastQuarter), changeOn(summary.yearAgo), ...daysOfEach],
    },
    {
      name: 'Approved and used',
      figure: approved === null ? 'n/a' : asPercent(approved.used),
      notes:
        approved === null
          ? ['no envelope of the quarter']
          : [
              `${asFigure(approved.actual, places)} of ${asFigure(approved.limit, places)}`,
              ...(approved.of === 'organisation' ? ['of the organisation'] : whoseEnvelopes(found)),
              ...(isWhole
                ? []
                : [`after ${asPercent(ratio(decimal(String(counted)), decimal(String(all))))} of its days`]),
            ],
    },
    {
      name: `Verified value, ${currency}`,
      figure: hasOutcomes(found) ? asFigure(figures.verified, places) : 'none yet',
      notes: [
        `${lastQuarter.period}: ${lastVerified(found)}`,
        `claimed besides: ${isZero(figures.claimed) ? 'none' : asFigure(figures.claimed, places)}`,
        ...(isWhole ? oldestClaim(found) : daysOfEach),
      ],
    },
    {
      name: 'Verified return',
      figure: asTimes(figures.return),
      notes: [
        `on attributed spend (${asPercent(figures.coverage.cost)} of total)`,
        `pods with a verified outcome: ${asPercent(figures.coverage.joined)} of cost`,
        ...sinceStart(found),
      ],
    },
  ];
  const part = (CONTENT_WIDTH - TILE.gap * (tiles.length - 1)) / (tiles.length + TILE.more);
  const widthOf = (index: number) => (index === tiles.length - 1 ? part * (1 + TILE.more) : part);
  const heightOf = (note: string, index: number) =>
    sheet.heightOf(note, { width: widthOf(index) - 2 * TILE.padding }, TILE_NOTE);
  const height = Math.max(
    TILE.height,
    ...tiles.map(
      ({ notes }, index) => notes.reduce((y, note) => y + heightOf(note, index), TILE.notesAt as number) + 6,
    ),
  );
  for (const [index, { name, figure, notes }] of tiles.entries()) {
    const x = PAGE.left + index * (part + TILE.gap);
    const width = widthOf(index);
    const box = (y: number) => ({ x: x + TILE.padding, y: sheet.y + y, width: width - 2 * TILE.padding });
    sheet.artifact(() => sheet.document.rect(x, sheet.y, width, height).fill(INK.band));
    sheet.group('Div', (tile) => {
      sheet.tagged('P', () => sheet.line(name, box(7), { size: 7.5, ink: INK.quiet }), tile);
      sheet.tagged(
        'P',
        () => sheet.line(figure, box(19), { face: 'bold', size: 17, ink: INK.accent, cut: 'never' }),
        tile,
      );
      let y: number = TILE.notesAt;
      for (const note of notes) {
        sheet.tagged('P', () => sheet.lines(note, box(y), TILE_NOTE), tile);
        y += heightOf(note, index);
      }
    });
  }
  sheet.y += height;
}

function changeOn({ costChangeRatio, period }: ComparedQuarter): string {
  return costChangeRatio === null ? `${period}: not known` : `${asChange(costChangeRatio)} on ${period}`;
}

/** Of how many pods the envelopes are that are added up, and how many are not among them. */
function whoseEnvelopes({ summary: { approved }, pods, envelopes: { podsWithout } }: CloudReturn): string[] {
  const without = podsWithout.length === 0 ? [] : [`${podsWithout.length} have none`];
  return [`${approved?.pods ?? 0} of ${pods.length} pods`, ...without];
}

/** Of the quarter before, or of as many of its days. */
function lastVerified({ summary: { figures, lastQuarter } }: CloudReturn): string {
  const verified = lastQuarter.figures?.verified ?? null;
  return verified === null || isZero(verified) ? 'none' : asFigure(verified, placesFor(figures.cost));
}

function oldestClaim(found: CloudReturn): string[] {
  const age = ageOfOldestClaim(found);
  return age === null ? [] : [`oldest claim: ${age}`];
}

/** Benefit lags cost: the return of all days up to here stands beside that of the quarter. */
function sinceStart({ summary }: CloudReturn): string[] {
  const found = summary.sinceStart ?? null;
  return found === null ? [] : [`since ${found.since.slice(0, 7)}: ${asTimes(found.return)}`];
}

function drawPods(
  sheet: Sheet,
  found: CloudReturn,
  sides: readonly { title: string; last: string; pods: readonly NamedPod[]; none: string }[],
): void {
  const width = (CONTENT_WIDTH - HALF_GAP) / sides.length;
  const { y } = sheet;
  const ends = sides.map(({ title, last, pods, none }, index) => {
    sheet.y = y;
    const x = PAGE.left + index * (width + HALF_GAP);
    sheet.tagged('H2', () => sheet.line(title, { x, y: sheet.y, width }, { face: 'bold', size: 11, ink: INK.accent }));
    sheet.y += 18;
    if (pods.length === 0) {
      sheet.tagged('P', () => sheet.line(none, { x, y: sheet.y, width }, QUIET));
      sheet.y += 14;
    } else {
      const rows = pods.map((pod) => podLine(pod, found));
      drawTable(
        sheet,
        { heads: ['pod', `cost ${found.currency}`, last], figures: [1, 2], rows, totals: 0 },
        { x, width, linesMax: 1 },
      );
    }
    return sheet.y;
  });
  sheet.y = Math.max(...ends) + 8;
}

function drawDecisions(sheet: Sheet, { summary: { decisions, figures, comments } }: CloudReturn): void {
  subheading(sheet, 'Decisions asked');
  if (decisions.length === 0) sheet.paragraph('None: no alert is held, no raise is asked for, no claim is overdue.');
  const lines = decisions.map((decision) => `${decisionLine(decision, placesFor(figures.cost))}.`);
  const heights = lines.map((line) => sheet.heightOf(line, { width: CONTENT_WIDTH }) + PARAGRAPH_GAP);
  // What follows has a line of its own at least.
  const reserved = COMMENT_HEIGHT + (comments.length === 0 ? 0 : SUBHEADING_HEIGHT + 2 * COMMENT_HEIGHT);
  const room = sheet.room() - reserved;
  const fitting = lines.filter((_, index) => heights.slice(0, index + 1).reduce((sum, one) => sum + one, 0) <= room);
  for (const line of fitting) sheet.paragraph(line);
  if (fitting.length < lines.length) sheet.paragraph(`And more; all of them stand under ${DECISIONS_TITLE}.`, QUIET);
  sheet.y += 6;
}

function drawComments(sheet: Sheet, found: CloudReturn): void {
  const comments = commentLines(found);
  if (comments.length === 0) return;
  const room = Math.floor((sheet.room() - SUBHEADING_HEIGHT) / COMMENT_HEIGHT) - 1;
  const shown = comments.slice(0, Math.max(0, Math.min(COMMENTS_MAX, room)));
  if (room >= 0) subheading(sheet, 'What owners say');
  for (const { pod, text, by } of shown) {
    sheet.tagged('P', () => {
      sheet.line(pod, { x: PAGE.left, y: sheet.y, width: 90 }, { face: 'bold', size: 8.5, cut: 'middle' });
      sheet.line(text, { x: PAGE.left + 98, y: sheet.y, width: CONTENT_WIDTH - 98 - 168 }, { size: 8.5 });
      sheet.line(
        by,
        { x: PAGE.width - PAGE.right - 160, y: sheet.y, width: 160 },
        { size: 8.5, ink: INK.quiet, align: 'right' },
      );
    });
    sheet.y += COMMENT_HEIGHT;
  }
  if (room >= 0 && comments.length > shown.length) {
    sheet.paragraph(`And ${comments.length - shown.length} more; all of them stand in full under Comments.`, QUIET);
  }
}

function subheading(sheet: Sheet, text: string): void {
  sheet.tagged('H2', () =>
    sheet.line(text, { x: PAGE.left, y: sheet.y, width: CONTENT_WIDTH }, { face: 'bold', size: 11, ink: INK.accent }),
  );
  sheet.y += SUBHEADING_HEIGHT;
}
