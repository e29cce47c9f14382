/** Invoices as stated, by source and number, void ones among them. Money is exact text. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';

export interface ListedInvoice {
  readonly sourceId: string;
  readonly invoiceId: string;
  readonly version: number;
  readonly state: 'issued' | 'void';
  readonly issuer: string | null;
  readonly billingAccountId: string | null;
  readonly billingPeriod: string;
  readonly currency: string;
  readonly total: Decimal;
  readonly creditsOutsideBill: Decimal;
  readonly taxOutsideBill: Decimal;
  readonly tolerance: Decimal | null;
  readonly issuedOn: IsoDate | null;
  readonly statedAt: string;
  readonly statedBy: string;
}

interface Row extends Omit<ListedInvoice, 'billingPeriod' | 'statedAt'> {
  readonly start: IsoDate;
  readonly end: IsoDate;
  readonly stated_at: Date;
}

/** At most `limit` invoices after the one whose key (source and number) is `after`; by the primary key. */
export async function listInvoices(
  db: Kysely<DB>,
  options: { sourceId?: string; after: readonly [string, string] | null; limit: number },
): Promise<ListedInvoice[]> {
  const [afterSource, afterId] = options.after ?? [null, null];
  const { rows } = await sql<Row>`
    select source_id as "sourceId", invoice_id as "invoiceId", version, state, issuer_name as issuer,
      billing_account_id as "billingAccountId", billing_period_start as start, billing_period_end as "end", currency,
      trim_scale(total) as total, trim_scale(credits_outside_bill) as "creditsOutsideBill",
      trim_scale(tax_outside_bill) as "taxOutsideBill", trim_scale(tolerance) as tolerance, issued_on as "issuedOn", stated_at,
      stated_by as "statedBy"
    from invoice
    where (${options.sourceId ?? null}::text is null or source_id = ${options.sourceId ?? null})
      and (${afterSource}::text is null or (source_id, invoice_id) > (${afterSource}, ${afterId}))
    order by source_id, invoice_id limit ${options.limit}
  `.execute(db);
  return rows.map(({ start, end, stated_at, statedBy, ...row }) => ({
    sourceId: row.sourceId,
    invoiceId: row.invoiceId,
    version: row.version,
    state: row.state,
    issuer: row.issuer,
    billingAccountId: row.billingAccountId,
    billingPeriod: billingPeriodName(start, end),
    currency: row.currency,
    total: row.total,
    creditsOutsideBill: row.creditsOutsideBill,
    taxOutsideBill: row.taxOutsideBill,
    tolerance: row.tolerance,
    issuedOn: row.issuedOn,
    statedAt: stated_at.toISOString(),
    statedBy,
  }));
}
