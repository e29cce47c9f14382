/**
 * How PostgreSQL's values arrive in TypeScript, per pool. Dates and zoneless timestamps stay text: a JS Date would put them at
 * local midnight and shift them by the zone. numeric and bigint stay text as pg has them; in arrays pg would turn them and dates
 * into floats and Dates, so those arrays hold text too.
 */
import pg from 'pg';

type Parser = (text: string) => unknown;

const TEXT_ARRAY: number = 1009;
/** date and timestamp. */
const AS_TEXT: ReadonlySet<number> = new Set([1082, 1114]);
/** int8[], timestamp[], date[] and numeric[]. */
const AS_TEXT_ARRAY: ReadonlySet<number> = new Set([1016, 1115, 1182, 1231]);

const keepText: Parser = (text) => text;

/** For the `types` option of a pg pool or client. */
export const PG_TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary'): Parser => {
    if (format !== 'binary' && AS_TEXT.has(oid)) return keepText;
    if (format !== 'binary' && AS_TEXT_ARRAY.has(oid)) return pg.types.getTypeParser(TEXT_ARRAY, 'text') as Parser;
    return pg.types.getTypeParser(oid, format) as Parser;
  },
};
