/** How the organisation in force lays fiscal quarters and years over the calendar: what a period's name means depends on it. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { FiscalCalendar } from '../kernel/period.ts';

export async function readFiscalCalendar(db: Kysely<DB>): Promise<FiscalCalendar> {
  const setting = await db
    .selectFrom('organisation')
    .select(['fiscal_year_start_month', 'fiscal_year_named_by'])
    .executeTakeFirstOrThrow();
  return {
    fiscalYearStartMonth: setting.fiscal_year_start_month,
    fiscalYearNamedBy: setting.fiscal_year_named_by === 'end' ? 'end' : 'start',
  };
}
