/**
 * Reads single lines back from the archive: those of one origin, with their file and record ordinal, for the path from a figure to its
 * lines. The origin's own attributes find them, so the whole archive is scanned only in the columns that matter.
 */
import { something } from './cell-sql.ts';
import { countOf, literal, openDuckDb, textOf } from './duckdb-session.ts';
import { FOCUS_COLUMNS, ORIGIN_TEXT_COLUMNS } from './focus-columns.ts';
import { openBill } from './open-bill.ts';
import { canonicalTags, readTags } from './read-tags.ts';
import { withWorkFolder } from './work-folder.ts';

/** The most lines that one reading returns. */
export const ARCHIVED_LINES_MAX = 1_000;

export interface ReadLinesOptions {
  readonly files: readonly { readonly name: string; readonly archivePath: string }[];
  /** The origin's attributes by SQL name, as in table `origin`; tags as JSON text. */
  readonly origin: Readonly<Record<string, string | null>>;
  readonly billingPeriodStart: string;
  readonly billingPeriodEnd: string;
  readonly chargeDate?: string;
  readonly limit: number;
  readonly workDir: string;
}

export interface ArchivedLine {
  readonly file: string;
  /** 1 is the first record after the header. */
  readonly record: number;
  /** FOCUS columns as delivered, by FOCUS name; columns without a value are absent. */
  readonly columns: Readonly<Record<string, string>>;
}

/** Does what `readArchivedLines` promises. */
export async function readLinesInChild(options: ReadLinesOptions): Promise<ArchivedLine[]> {
  return withWorkFolder(options.workDir, async (folder) => {
    const session = await openDuckDb(folder);
    const lines: ArchivedLine[] = [];
    try {
      for (const file of options.files) {
        if (lines.length >= options.limit) break;
        lines.push(...(await readFileLines(session, file, options, options.limit - lines.length)));
      }
    } finally {
      session.close();
    }
    return lines;
  });
}

async function readFileLines(
  session: Awaited<ReturnType<typeof openDuckDb>>,
  file: ReadLinesOptions['files'][number],
  options: ReadLinesOptions,
  limit: number,
): Promise<ArchivedLine[]> {
  const bill = await openBill(session, file.archivePath, file.name);
  const isSame = ORIGIN_TEXT_COLUMNS.map(({ focus, sql }) => {
    const value = options.origin[sql] ?? null;
    return `${something(bill.cell(focus))} is not distinct from ${value === null ? 'null' : literal(value)}`;
  });
  const date =
    options.chargeDate === undefined
      ? ''
      : `and ${bill.at('ChargePeriodStart')}::date = ${literal(options.chargeDate)}::date`;
  const tags = canonicalTags(readTags(options.origin['tags'] ?? null) ?? []);
  const matching = await session.rows(
    `select distinct ${bill.tags} as tags ${bill.from([])} where ${isSame.join(' and ')}`,
  );
  const texts = matching
    .map((row) => textOf(row['tags']))
    .filter((text) => canonicalTags(readTags(text) ?? []) === tags);
  const hasNone = texts.includes(null);
  const listed = texts.filter((text) => text !== null).map(literal);
  const hasTags = `(${hasNone ? `${bill.tags} is null` : 'false'}${listed.length === 0 ? '' : ` or ${bill.tags} in (${listed.join(', ')})`})`;
  const rows = await session.rows(`
    select file_row_number + 1 as record, ${FOCUS_COLUMNS.map(({ focus, type }) => `${type === 'tags' ? bill.tags : bill.cell(focus)} as ${focus}`).join(', ')}
    ${bill.from(['ChargePeriodStart', 'BillingPeriodStart', 'BillingPeriodEnd'])}
    where ${isSame.join(' and ')} and ${hasTags} ${date}
      and ${bill.at('BillingPeriodStart')}::date = ${literal(options.billingPeriodStart)}::date
      and ${bill.at('BillingPeriodEnd')}::date = ${literal(options.billingPeriodEnd)}::date
    order by 1 limit ${limit}`);
  return rows.map((row) => {
    const cells = FOCUS_COLUMNS.map(({ focus }) => [focus, textOf(row[focus])] as const).filter(
      ([, text]) => text !== null,
    );
    return {
      file: file.name,
      record: countOf(row['record']),
      columns: Object.fromEntries(cells) as Record<string, string>,
    };
  });
}
