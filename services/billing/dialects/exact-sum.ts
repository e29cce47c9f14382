/** Adds decimal texts exactly in DuckDB, for the few figures that a provider's format leaves to be put together. */
import { isNumber } from '../cell-sql.ts';

/** With 28 decimals ten digits are left before the point: nine for each term, one for their sum. */
const FINE = { scale: 28, bound: 1_000_000_000 };
const COARSE = { scale: 12, bound: 10_000_000_000_000_000_000_000n };

/**
 * The plain text of the sum of up to nine texts, those that are null left out; null where all are. A term that is no number, or terms
 * that no DECIMAL holds together, come through as they are, so that the check of the line refuses them with what they say.
 */
export function exactSum(terms: readonly string[]): string {
  const bad = terms.map((term) => `when ${term} is not null and not ${isNumber(term)} then ${term}`);
  const all = (test: (term: string) => string) =>
    terms.map((term) => `(${term} is null or ${test(term)})`).join(' and ');
  const sum = ({ scale }: { scale: number }) =>
    `cast(${terms.map((term) => `coalesce(try_cast(${term} as decimal(38, ${scale})), 0)`).join(' + ')} as varchar)`;
  const fits = ({ scale, bound }: { scale: number; bound: number | bigint }) =>
    all((term) => `(${decimalsOf(term)} <= ${scale} and abs(try_cast(${term} as double)) < ${bound})`);
  return `(case when coalesce(${terms.join(', ')}) is null then null ${bad.join(' ')}
    when ${fits(FINE)} then ${sum(FINE)} when ${fits(COARSE)} then ${sum(COARSE)}
    else concat_ws(' + ', ${terms.join(', ')}) end)`;
}

/** The same for a list of texts of any length; an empty or absent list is zero. */
export function exactListSum(list: string): string {
  const all = (test: string) =>
    `len(list_filter(coalesce(${list}, []), lambda term: not coalesce(${test}, false))) = 0`;
  const sum = ({ scale }: { scale: number }) =>
    `cast(coalesce(list_sum(list_transform(${list}, lambda term: try_cast(term as decimal(38, ${scale})))), 0) as varchar)`;
  const fits = ({ scale, bound }: { scale: number; bound: number | bigint }) =>
    all(`${decimalsOf('term')} <= ${scale} and abs(try_cast(term as double)) < ${bound}`);
  return `(case when ${fits(FINE)} then ${sum(FINE)} when ${fits(COARSE)} then ${sum(COARSE)} else array_to_string(${list}, ' + ') end)`;
}

/** The text with its sign turned. */
export function negated(text: string): string {
  return `(case when ${text} is null then null when starts_with(trim(${text}), '-') then substr(trim(${text}), 2)
    else '-' || ltrim(trim(${text}), '+') end)`;
}

function decimalsOf(text: string): string {
  const mantissa = `split_part(lower(trim(${text})), 'e', 1)`;
  const exponent = `coalesce(try_cast(split_part(lower(trim(${text})), 'e', 2) as integer), 0)`;
  return `(length(split_part(${mantissa}, '.', 2)) - ${exponent})`;
}
