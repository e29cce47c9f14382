/** Which bases of value enter a return, and by what name the others stand beside it. */
import { type RawBuilder, sql } from 'kysely';

/** What enters no return is named by its basis; null for what does. Of a row of `outcome`, or of one with the same columns. */
export function besideSql(revenueBasis: 'margin' | 'gross', row = 'outcome'): RawBuilder<unknown> {
  const basis = sql.ref(`${row}.basis`);
  return sql`case
    when ${basis} = 'cost_reduction' then null
    when ${basis} <> 'revenue' then ${basis}
    when ${sql.ref(`${row}.gross_or_margin`)} = 'gross' and ${revenueBasis} <> 'gross' then 'revenue_gross'
  end`;
}
