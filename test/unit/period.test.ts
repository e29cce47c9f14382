/** Dates and periods that nobody means are refused before a database, which has no year 0, hears of them. */
import { expect, test } from 'vitest';
import { isIsoDate, parsePeriod } from '../../services/kernel/period.ts';

test('a date is of the calendar and of the years 1900 to 2999', () => {
  expect(['1900-01-01', '2028-02-29', '2999-12-31'].filter(isIsoDate)).toHaveLength(3);
  expect(['0000-01-01', '0026-09-01', '1899-12-31', '2026-02-29', '2026-9-1'].filter(isIsoDate)).toEqual([]);
  expect(['3000-01-01', '9999-12-31'].filter(isIsoDate)).toEqual([]);
});

test.each(['0000', '0026-09', '1899-Q4', '0000-01-01..2026-01-01', '3000', '9999-12'])('%s is no period', (name) => {
  expect(() => parsePeriod(name)).toThrow(`"${name}" is not a period. Write 2026-09 (month)`);
});
