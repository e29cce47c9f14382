/** Puts stated outcomes into their tables, whatever their number: new rows, or the stored ones as the statement has them now. */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { STANDS } from './outcome-context.ts';
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

type OutcomeRecord = ReturnType<typeof toRecord>;

/**
 * One statement per table, given no more than it writes: contents of thousands take PostgreSQL long to read, and one reads them. Claimed by the
 * principal where nobody did before.
 */
export async function writeRecords(
  trx: Transaction<DB>,
  given: { records: readonly OutcomeRecord[]; principal: Principal; at: Date },
): Promise<void> {
  const { records, principal, at } = given;
  await writeTypes(trx, records);
  const written = sql`jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as written (id bigint, version int, state text, workbook text,
    source_row_id text, unattributed_basis_points int, content_digest text, content jsonb)`;
  const moment = sql`${at.toISOString()}::timestamptz`;
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
  const stored = records.filter(({ version }) => version > 1).map(({ id }) => id);
  if (stored.length > 0) {
    await sql`delete from outcome_schedule where outcome_id = any(${stored}::bigint[])`.execute(trx);
    await sql`delete from outcome_enabler where outcome_id = any(${stored}::bigint[])`.execute(trx);
  }
  await writeShares(trx, { records, stored, moment });
  await writeParts(trx, records);
}

async function writeTypes(trx: Transaction<DB>, records: readonly OutcomeRecord[]): Promise<void> {
  const types = records.flatMap(({ content: { outcomeType, unit } }) => (unit === null ? [] : [{ outcomeType, unit }]));
  if (types.length === 0) return;
  await sql`
    insert into outcome_type (id, unit)
    select distinct "outcomeType", unit from jsonb_to_recordset(${JSON.stringify(types)}::jsonb) as type ("outcomeType" text, unit text)
    on conflict (id) do update set unit = excluded.unit where outcome_type.unit <> excluded.unit
      and not exists (select from outcome where outcome.outcome_type = excluded.id and outcome.unit <> excluded.unit and ${STANDS})
  `.execute(trx);
  const { rows } = await sql<{ id: string; unit: string; asked: string }>`
    select known.id, known.unit, type.unit as asked
    from jsonb_to_recordset(${JSON.stringify(types)}::jsonb) as type ("outcomeType" text, unit text)
    join outcome_type as known on known.id = type."outcomeType" and known.unit <> type.unit limit 1`.execute(trx);
  const [other] = rows;
  if (other === undefined) return;
  // Checked before the lock; somebody else named the type in the meantime.
  const message = `Outcomes of type "${other.id}" count in "${other.unit}" since a moment ago, not in "${other.asked}". Use it, or name another type.`;
  throw new AppError('conflict', message);
}

/** Schedules, references and enablers. */
async function writeParts(trx: Transaction<DB>, records: readonly OutcomeRecord[]): Promise<void> {
  const schedule = records.flatMap(({ id, content }) =>
    content.schedule.map(({ from, until, amount }, index) => ({ id, ordinal: index + 1, from, until, amount })),
  );
  if (schedule.length > 0) {
    await sql`
      insert into outcome_schedule (outcome_id, ordinal, recognised_from, recognised_until, amount)
      select id, ordinal, "from", "until", amount from jsonb_to_recordset(${JSON.stringify(schedule)}::jsonb)
        as scheduled (id bigint, ordinal int, "from" date, "until" date, amount numeric)
    `.execute(trx);
  }
  const references = records.flatMap(({ id, content }) =>
    content.references.map(({ system, key, url }) => ({ id, system, key, url })),
  );
  if (references.length > 0) {
    await sql`
      insert into outcome_reference (system, key, outcome_id, url)
      select system, key, id, url from jsonb_to_recordset(${JSON.stringify(references)}::jsonb)
        as reference (id bigint, system text, key text, url text)
      on conflict (system, key) do update set url = coalesce(excluded.url, outcome_reference.url)
    `.execute(trx);
  }
  const enablers = records.flatMap(({ id, content }) => content.enabledBy.map((podId) => ({ id, podId })));
  if (enablers.length === 0) return;
  await sql`
    insert into outcome_enabler (outcome_id, pod_id)
    select id, "podId" from jsonb_to_recordset(${JSON.stringify(enablers)}::jsonb) as enabler (id bigint, "podId" text)
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

/** An agreement holds while its share is what was agreed to. `stored`: of these there may be other shares. */
async function writeShares(
  trx: Transaction<DB>,
  given: { records: readonly OutcomeRecord[]; stored: readonly string[]; moment: RawBuilder<unknown> },
): Promise<void> {
  const { records, stored, moment } = given;
  const shares = records.flatMap(({ id, content, agreements }) =>
    content.shares.map(({ podId, basisPoints }) => {
      const agreement = agreements.find((one) => one.podId === podId);
      return { id, podId, basisPoints, isAgreed: agreement !== undefined, agreedBy: agreement?.agreedBy ?? null };
    }),
  );
  const written = sql`jsonb_to_recordset(${JSON.stringify(shares)}::jsonb)
    as share (id bigint, "podId" text, "basisPoints" int, "isAgreed" boolean, "agreedBy" text)`;
  if (stored.length > 0) {
    await sql`
      delete from outcome_share where outcome_id = any(${[...stored]}::bigint[]) and not exists (
        select from ${written} where id = outcome_id and "podId" = pod_id and "basisPoints" = basis_points)
    `.execute(trx);
  }
  await sql`
    insert into outcome_share (outcome_id, pod_id, basis_points, agreed_by, agreed_at)
    select id, "podId", "basisPoints", "agreedBy", case when "isAgreed" then ${moment} end from ${written}
    on conflict (outcome_id, pod_id) do update set agreed_by = coalesce(outcome_share.agreed_by, excluded.agreed_by),
      agreed_at = coalesce(outcome_share.agreed_at, excluded.agreed_at)
  `.execute(trx);
}
