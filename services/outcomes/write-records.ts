/** Puts stated outcomes into their tables, whatever their number: new rows, or the stored ones as the statement has them now. */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../kernel/ports.ts';
import { BASIS_POINTS_WHOLE, contentDigest, type StatedOutcome } from './outcome.ts';
import type { PlannedOutcome } from './plan-outcomes.ts';

/** As JSON whose money is text: PostgreSQL casts it, no driver ever reads it as a number. */
export function toRecord(
  saved: PlannedOutcome & { readonly outcomeId: string },
  { content, sheetRow, agreements = [] }: StatedOutcome,
) {
  const shared = content.shares.reduce((total, share) => total + share.basisPoints, 0);
  return {
    id: saved.outcomeId,
    version: saved.version,
    state: saved.state,
    workbook: sheetRow?.workbook ?? null,
    source_row_id: sheetRow?.sourceRowId ?? null,
    unattributed_basis_points: BASIS_POINTS_WHOLE - shared,
    content_digest: contentDigest(content),
    content,
    agreements,
  };
}

/** One statement per table; claimed by the principal where nobody did before. */
export async function writeRecords(
  trx: Transaction<DB>,
  given: { records: readonly object[]; principal: Principal; at: Date },
): Promise<void> {
  const { principal, at } = given;
  const records = JSON.stringify(given.records);
  const written = sql`jsonb_to_recordset(${records}::jsonb) as written (id bigint, version int, state text, workbook text,
    source_row_id text, unattributed_basis_points int, content_digest text, content jsonb, agreements jsonb)`;
  const moment = sql`${at.toISOString()}::timestamptz`;
  await sql`
    insert into outcome_type (id, unit)
    select distinct content ->> 'outcomeType', content ->> 'unit' from ${written} where content ->> 'unit' is not null
    on conflict (id) do nothing
  `.execute(trx);
  const content = sql.join(CONTENT_COLUMNS.map(([, expression]) => sql.raw(expression)));
  const columns = sql.join(CONTENT_COLUMNS.map(([name]) => sql.ref(name)));
  const replaced = sql.join(CONTENT_COLUMNS.map(([name]) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`));
  await sql`
    insert into outcome (id, version, state, ${columns}, recorded_at, claimed_by, claimed_at, workbook, source_row_id,
      unattributed_basis_points, content_digest, updated_at)
    select id, version, state, ${content}, ${moment}, ${principal.id}, case when state <> 'candidate' then ${moment} end, workbook,
      source_row_id, unattributed_basis_points, content_digest, ${moment}
    from ${written}
    on conflict (id) do update set version = excluded.version, state = excluded.state, ${replaced},
      claimed_by = case when outcome.claimed_at is null or outcome.state in ('rejected', 'retracted') then excluded.claimed_by
        else outcome.claimed_by end,
      claimed_at = coalesce(outcome.claimed_at, excluded.claimed_at), state_reason = null,
      verified_by = null, verified_at = null,
      workbook = coalesce(outcome.workbook, excluded.workbook),
      source_row_id = coalesce(outcome.source_row_id, excluded.source_row_id),
      unattributed_basis_points = excluded.unattributed_basis_points, content_digest = excluded.content_digest,
      updated_at = excluded.updated_at
  `.execute(trx);
  await writeShares(trx, written, moment);
  await sql`delete from outcome_schedule using ${written} where outcome_id = id`.execute(trx);
  await sql`
    insert into outcome_schedule (outcome_id, ordinal, recognised_from, recognised_until, amount)
    select id, ordinal, (row_content ->> 'from')::date, (row_content ->> 'until')::date, (row_content ->> 'amount')::numeric
    from ${written}, jsonb_array_elements(content -> 'schedule') with ordinality as scheduled (row_content, ordinal)
  `.execute(trx);
  await sql`
    insert into outcome_reference (system, key, outcome_id, url)
    select reference ->> 'system', reference ->> 'key', id, reference ->> 'url'
    from ${written}, jsonb_array_elements(content -> 'references') as reference
    on conflict (system, key) do update set url = coalesce(excluded.url, outcome_reference.url)
  `.execute(trx);
  await sql`delete from outcome_enabler using ${written} where outcome_id = id`.execute(trx);
  await sql`
    insert into outcome_enabler (outcome_id, pod_id)
    select id, enabler from ${written}, jsonb_array_elements_text(content -> 'enabledBy') as enabler
  `.execute(trx);
}

/** The columns of `outcome` that a content decides, each with its expression over `content`. */
const CONTENT_COLUMNS: readonly (readonly [column: string, expression: string])[] = [
  ...[
    'title',
    'outcomeType',
    'unit',
    'basis',
    'grossOrMargin',
    'currency',
    'ownerEmail',
    'baseline',
    'evidenceUrl',
    'effect',
    'poolId',
  ].map((field) => [snakeCase(field), `content ->> '${field}'`] as const),
  ...['quantity', 'amount', 'amountLow', 'amountHigh'].map(
    (field) => [snakeCase(field), `(content ->> '${field}')::numeric`] as const,
  ),
  ...['deliveredOn', 'reviewDueOn'].map((field) => [snakeCase(field), `(content ->> '${field}')::date`] as const),
  ['is_own_bill_baseline', `(content ->> 'isOwnBillBaseline')::boolean`],
  ['baseline_value', `(content #>> '{baselineMeasure,value}')::numeric`],
  ['baseline_from', `(content #>> '{baselineMeasure,from}')::date`],
  ['baseline_until', `(content #>> '{baselineMeasure,until}')::date`],
  ['baseline_source', `content #>> '{baselineMeasure,source}'`],
  ['baseline_method', `content #>> '{baselineMeasure,method}'`],
  ['confidence', `content #>> '{confidence,grade}'`],
  ['confidence_reason', `content #>> '{confidence,reason}'`],
];

function snakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** An agreement holds while its share is what was agreed to. */
async function writeShares(
  trx: Transaction<DB>,
  written: RawBuilder<unknown>,
  moment: RawBuilder<unknown>,
): Promise<void> {
  await sql`
    delete from outcome_share using ${written} where outcome_id = id and not exists (
      select from jsonb_array_elements(content -> 'shares') as share
      where share ->> 'podId' = outcome_share.pod_id and (share ->> 'basisPoints')::int = outcome_share.basis_points)
  `.execute(trx);
  await sql`
    insert into outcome_share (outcome_id, pod_id, basis_points, agreed_by, agreed_at)
    select id, share ->> 'podId', (share ->> 'basisPoints')::int, agreed ->> 'agreedBy', case when agreed is not null then ${moment} end
    from ${written} cross join jsonb_array_elements(content -> 'shares') as share
    left join lateral (
      select agreed from jsonb_array_elements(agreements) as agreed where agreed ->> 'podId' = share ->> 'podId' limit 1
    ) as agreement on true
    on conflict (outcome_id, pod_id) do update set agreed_by = coalesce(outcome_share.agreed_by, excluded.agreed_by),
      agreed_at = coalesce(outcome_share.agreed_at, excluded.agreed_at)
  `.execute(trx);
}
