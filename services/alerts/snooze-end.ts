/** When a snooze ends, by what was chosen: a day, three, or Monday morning where the organisation is. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';

const DAY_MS = 86_400_000;
const DAYS: Readonly<Record<string, number>> = { '1d': 1, '3d': 3 };
const MORNING_HOUR = 8;

/** @throws AppError invalid_input for a choice that does not exist. */
export async function readSnoozeEnd(db: Kysely<DB>, choice: string, since: Date): Promise<Date> {
  const days = DAYS[choice];
  if (days !== undefined) return new Date(since.getTime() + days * DAY_MS);
  if (choice !== 'week') throw new AppError('invalid_input', `"${choice}" is no length of a snooze.`);
  const { rows } = await sql<{ ends_at: Date }>`
    select (date_trunc('week', ${since.toISOString()}::timestamptz at time zone time_zone) + interval '1 week'
      + ${MORNING_HOUR} * interval '1 hour') at time zone time_zone as ends_at
    from organisation
  `.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the organisation row is missing');
  return row.ends_at;
}
