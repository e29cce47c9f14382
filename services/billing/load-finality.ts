/**
 * Whether a load is the provider's last word on its billing period. Providers write the invoice id on the lines when they issue the
 * invoice (AWS, FOCUS 1.2); until then a month may move. Where a provider never writes one, only time settles a month
 * (`settleAfter`), and its loads stay estimated.
 */
import { type RawBuilder, sql } from 'kysely';

/** True where every charge of the load has its invoice id and the delivery is from after the billing period's end. */
export function isFinalSql(table: string): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  return sql<boolean>`(coalesce(${column('uninvoiced_charge_count')} = 0 and ${column('charge_count')} > 0, false)
    and ${column('delivered_at')} >= ${column('billing_period_end')}::timestamp at time zone 'UTC')`;
}
