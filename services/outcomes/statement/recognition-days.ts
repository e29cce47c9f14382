/**
 * Whether value is recognised before it was delivered: what a pod brought cannot have paid before it was there, and would pay for time in which the
 * pod had no cost yet. A harm may come first, as while something is rolled out.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import type { IsoDate } from '../../kernel/period.ts';
import type { FieldFault } from './checked-outcome.ts';
import { COUNTED_STATES, type OutcomeContent } from '../outcome.ts';

export interface Recognition extends Pick<OutcomeContent, 'effect' | 'deliveredOn' | 'schedule'> {
  /** The stored outcome that it changes; null for a new one. */
  readonly outcomeId: string | null;
}

/** The fault of each, by its position. What counts from that day with that delivery already is not asked again. */
export async function findEarlyRecognition(
  db: Kysely<DB>,
  recognitions: ReadonlyMap<number, Recognition>,
): Promise<ReadonlyMap<number, FieldFault>> {
  const early = [...recognitions].flatMap(([position, { outcomeId, effect, deliveredOn, schedule }]) => {
    const from = schedule.map((row) => row.from).reduce((first, day) => (day < first ? day : first), deliveredOn);
    return effect === 'benefit' && from < deliveredOn ? [{ position, outcomeId, deliveredOn, from }] : [];
  });
  if (early.length === 0) return new Map();
  const { rows } = await sql<{ position: number; deliveredOn: IsoDate; from: IsoDate }>`
    select position, "deliveredOn", "from"
    from jsonb_to_recordset(${JSON.stringify(early)}::jsonb) as asked (position int, "outcomeId" bigint, "deliveredOn" date, "from" date)
    where not exists (
      select from outcome where outcome.id = asked."outcomeId" and outcome.delivered_on = asked."deliveredOn" and outcome.effect = 'benefit'
        and outcome.state = any (${[...COUNTED_STATES]}::text[])
        and asked."from" >= (select min(recognised_from) from outcome_schedule where outcome_id = outcome.id))`.execute(
    db,
  );
  return new Map(
    rows.map(({ position, deliveredOn, from }) => [
      position,
      {
        field: 'recogniseFrom',
        reason: `it is recognised from ${from}, before it was delivered on ${deliveredOn}`,
        fix: 'Recognise it from the day of its delivery, or state the day on which it was delivered.',
      },
    ]),
  );
}
