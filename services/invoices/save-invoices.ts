/**
 * Stores invoices, each keyed by its source and number: the same content again changes nothing, another content is its next
 * version. Every version is kept.
 */
import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { INVOICE_WRITERS_LOCK } from '../kernel/advisory-locks.ts';
import type { Principal } from '../kernel/ports.ts';
import type { InvoiceContent } from './invoice.ts';

export type InvoiceChange = 'created' | 'changed' | 'unchanged';

export interface SavedInvoice {
  readonly sourceId: string;
  readonly invoiceId: string;
  readonly change: InvoiceChange;
  readonly version: number;
}

/** What saving would do, in the order given; until the transaction ends nobody else states invoices. None stands in it twice. */
export async function planInvoices(
  trx: Transaction<DB>,
  contents: readonly InvoiceContent[],
): Promise<(SavedInvoice & { digest: string })[]> {
  await sql`select pg_advisory_xact_lock(${INVOICE_WRITERS_LOCK})`.execute(trx);
  const { rows } = await sql<{ source_id: string; invoice_id: string; version: number; content_digest: string }>`
    select source_id, invoice_id, version, content_digest
    from unnest(${contents.map((one) => one.sourceId)}::text[], ${contents.map((one) => one.invoiceId)}::text[])
      as stated (source_id, invoice_id)
    join invoice using (source_id, invoice_id)
  `.execute(trx);
  const stored = new Map(rows.map((row) => [JSON.stringify([row.source_id, row.invoice_id]), row]));
  return contents.map((content) => {
    const { sourceId, invoiceId } = content;
    const digest = createHash('sha256').update(canonicalJson(content)).digest('hex');
    const former = stored.get(JSON.stringify([sourceId, invoiceId]));
    if (former === undefined) return { sourceId, invoiceId, digest, change: 'created', version: 1 };
    if (former.content_digest === digest) {
      return { sourceId, invoiceId, digest, change: 'unchanged', version: former.version };
    }
    return { sourceId, invoiceId, digest, change: 'changed', version: former.version + 1 };
  });
}

/** Writes what the plan changes. Reports hold invoices against bills, hence the counter of figures. */
export async function saveInvoices(
  trx: Transaction<DB>,
  options: {
    contents: readonly InvoiceContent[];
    plan: readonly (SavedInvoice & { digest: string })[];
    principal: Principal;
    at: Date;
  },
): Promise<void> {
  const { plan, principal, at } = options;
  const rows = options.contents.flatMap((content, index) => {
    const planned = plan[index];
    if (planned === undefined || planned.change === 'unchanged') return [];
    return [{ ...content, version: planned.version, digest: planned.digest, content }];
  });
  if (rows.length === 0) return;
  const stated = sql`json_to_recordset(${JSON.stringify(rows)}::json) as stated ("sourceId" text, "invoiceId" text, version integer,
    state text, "issuerName" text, "billingAccountId" text, "billingPeriodStart" date, "billingPeriodEnd" date, currency text,
    total text, "creditsOutsideBill" text, "taxOutsideBill" text, tolerance text, "issuedOn" date, digest text, content jsonb)`;
  await sql`
    insert into invoice (source_id, invoice_id, version, state, issuer_name, billing_account_id, billing_period_start,
      billing_period_end, currency, total, credits_outside_bill, tax_outside_bill, tolerance, issued_on, content_digest, stated_at,
      stated_by)
    select "sourceId", "invoiceId", version, state, "issuerName", "billingAccountId", "billingPeriodStart", "billingPeriodEnd",
      currency, total::numeric, "creditsOutsideBill"::numeric, "taxOutsideBill"::numeric, tolerance::numeric, "issuedOn", digest,
      ${at.toISOString()}::timestamptz, ${principal.id}
    from ${stated}
    on conflict (source_id, invoice_id) do update set version = excluded.version, state = excluded.state,
      issuer_name = excluded.issuer_name, billing_account_id = excluded.billing_account_id,
      billing_period_start = excluded.billing_period_start, billing_period_end = excluded.billing_period_end,
      currency = excluded.currency, total = excluded.total, credits_outside_bill = excluded.credits_outside_bill,
      tax_outside_bill = excluded.tax_outside_bill, tolerance = excluded.tolerance, issued_on = excluded.issued_on,
      content_digest = excluded.content_digest, stated_at = excluded.stated_at, stated_by = excluded.stated_by
  `.execute(trx);
  await sql`
    insert into invoice_version (source_id, invoice_id, version, content, at, principal)
    select "sourceId", "invoiceId", version, content, ${at.toISOString()}::timestamptz, ${principal.id} from ${stated}
  `.execute(trx);
  await raiseFiguresVersion(trx, {});
}
