/** What an act makes of months that are closed: they keep what they state, and the difference is booked in the first open one. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { type OutcomeCorrection, readCorrections } from '../../attribution/explain-closed-outcome.ts';
import { add, type Decimal, decimal, roundForPresentation } from '../../kernel/decimal.ts';
import { listClosedMonths } from '../../periods/closed-months.ts';

const CENTS = 2;

/**
 * Nothing where no month is closed in which any version of it was recognised. Of what no statement has booked yet, to the cent; explaining the
 * outcome has it exactly.
 */
export async function describeCorrections(db: Kysely<DB>, outcomeId: string): Promise<string[]> {
  const { rows } = await sql<{ start: string | null; end: string | null }>`
    select min((row ->> 'from')::date) as start, max((row ->> 'until')::date) as end
    from outcome_version, jsonb_array_elements(content -> 'schedule') as row where outcome_id = ${outcomeId}::bigint`.execute(
    db,
  );
  const { start = null, end = null } = rows[0] ?? {};
  if (start === null || end === null) return [];
  const closed = await listClosedMonths(db);
  const months = closed.filter((month) => month.start < end && month.end > start);
  const open = (await readCorrections(db, { outcomeId, months })).filter(({ statementId }) => statementId === null);
  return [...Map.groupBy(open, ({ bookedIn }) => bookedIn)].map(([bookedIn, lines]) => {
    const corrected = [...new Set(lines.map(({ adjusts }) => adjusts))].sort();
    const kept =
      corrected.length === 1
        ? `${corrected[0]} stays as it was closed`
        : `${corrected[0]} to ${corrected.at(-1)} stay as they were closed`;
    return `${kept}; booked in ${bookedIn}: ${amountsOf(lines).join(', ')}`;
  });
}

function amountsOf(lines: readonly OutcomeCorrection[]): string[] {
  const sums = new Map<string, Decimal>();
  for (const { state, beside, reported, amount, currency } of lines) {
    const kind = beside === null ? state : `${state} beside the return (${beside.replaceAll('_', ' ')})`;
    const [money, unit] = reported.amount === null ? [amount, currency] : [reported.amount, reported.currency];
    const name = `${unit} ${kind}`;
    sums.set(name, add(sums.get(name) ?? decimal('0'), decimal(money)));
  }
  return [...sums].map(([name, total]) => `${roundForPresentation(total, CENTS)} ${name}`);
}
