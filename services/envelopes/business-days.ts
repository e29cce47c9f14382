/** Business days of an organisation: Monday to Friday in its time zone, without its holidays. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';

const DAY_MS = 86_400_000;
const SATURDAY = 6;
const SUNDAY = 0;

export interface BusinessCalendar {
  readonly timeZone: string;
  readonly holidays: ReadonlySet<IsoDate>;
}

export async function readBusinessCalendar(db: Kysely<DB>): Promise<BusinessCalendar> {
  const { rows } = await sql<{ time_zone: string; holidays: IsoDate[] }>`
    select time_zone, holidays from organisation`.execute(db);
  return { timeZone: rows[0]?.time_zone ?? 'UTC', holidays: new Set(rows[0]?.holidays ?? []) };
}

/** The instant `count` business days after `since`, at the same time of day; what happens on a free day counts from the next one. */
export function addBusinessDays(since: Date, count: number, { timeZone, holidays }: BusinessCalendar): Date {
  // The one locale that writes dates as ISO 8601.
  const first = new Intl.DateTimeFormat('sv-SE', { timeZone }).format(since);
  let days = 0;
  for (let left = count; left > 0; ) {
    days += 1;
    if (isBusinessDay(addDays(first, days), holidays)) left -= 1;
  }
  return new Date(since.getTime() + days * DAY_MS);
}

function isBusinessDay(date: IsoDate, holidays: ReadonlySet<IsoDate>): boolean {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  return weekday !== SATURDAY && weekday !== SUNDAY && !holidays.has(date);
}
