/**
 * Writes stated outcomes: new ones, changed ones as a new version, and nothing for those stored like that already. Whatever the
 * number of outcomes, it is one statement per table. Writers come one after the other, so that a reference is never taken twice.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { OUTCOME_WRITERS_LOCK } from '../kernel/advisory-locks.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { BASIS_POINTS_WHOLE, contentDigest, type StatedOutcome } from './outcome.ts';
import { refreshOutcomeValue } from './outcome-months.ts';

export type OutcomeChange = 'created' | 'changed' | 'unchanged';

export interface SavedOutcome {
  /** Null where nothing was written and the outcome is new. */
  readonly outcomeId: string | null;
  readonly change: OutcomeChange;
  readonly version: number;
  readonly state: string;
  readonly note: string | null;
}

interface StoredOutcome {
  readonly id: string;
  readonly version: number;
  readonly state: string;
  readonly content_digest: string;
  readonly verified_by: string | null;
}

/** What saving would do to each statement, in their order; takes the writers' lock until the transaction ends. */
export async function planOutcomes(trx: Transaction<DB>, stated: readonly StatedOutcome[]): Promise<SavedOutcome[]> {
  await sql`select pg_advisory_xact_lock(${OUTCOME_WRITERS_LOCK})`.execute(trx);
  const found = await findStored(trx, stated);
  return stated.map((statement, position) => planOne(statement, found.get(position)));
}

/** Writes what the plan says and raises figures_version once where anything changed. */
export async function saveOutcomes(
  trx: Transaction<DB>,
  options: { stated: readonly StatedOutcome[]; plan: readonly SavedOutcome[]; principal: Principal; at: Date },
): Promise<SavedOutcome[]> {
  const ids = await takeIds(trx, options.plan.filter((saved) => saved.change === 'created').length);
  const saved = options.plan.map((one) =>
    one.change === 'created' ? { ...one, outcomeId: ids.shift() ?? null } : one,
  );
  const written = saved.flatMap((one, position) => {
    const statement = options.stated[position];
    return one.change === 'unchanged' || statement === undefined ? [] : [toRecord(one, statement)];
  });
  if (written.length > 0) {
    await writeRecords(trx, JSON.stringify(written), options.principal, options.at);
    await refreshOutcomeValue(
      trx,
      written.flatMap(({ id }) => id ?? []),
    );
    await raiseFiguresVersion(trx);
  }
  return saved;
}

function planOne(statement: StatedOutcome, stored: StoredOutcome | undefined): SavedOutcome {
  if (stored === undefined) {
    return { outcomeId: null, change: 'created', version: 1, state: statement.state, note: null };
  }
  const outcomeId = stored.id;
  if (stored.content_digest === contentDigest(statement.content)) {
    const isVerification =
      statement.state === 'verified' &&
      (stored.state === 'claimed' || (stored.state === 'verified' && stored.verified_by !== statement.verifiedBy));
    return isVerification
      ? { outcomeId, change: 'changed', version: stored.version + 1, state: 'verified', note: null }
      : { outcomeId, change: 'unchanged', version: stored.version, state: stored.state, note: null };
  }
  const falls = stored.state === 'verified' && statement.state === 'claimed';
  const note = falls
    ? `was verified by ${stored.verified_by ?? 'nobody'}; its content changed, so it is claimed again`
    : null;
  return { outcomeId, change: 'changed', version: stored.version + 1, state: statement.state, note };
}

/** The stored outcome of each statement, by the statement's position: of the same sheet row, or of one of its references. */
async function findStored(trx: Transaction<DB>, stated: readonly StatedOutcome[]): Promise<Map<number, StoredOutcome>> {
  const keys = stated.flatMap(({ content, sheetRow }, position) => [
    ...(sheetRow === null ? [] : [{ position, kind: 'row', one: sheetRow.workbook, two: sheetRow.sourceRowId }]),
    ...content.references.map(({ system, key }) => ({ position, kind: 'reference', one: system, two: key })),
  ]);
  const { rows } = await sql<StoredOutcome & { position: number }>`
    with asked as (
      select * from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as asked (position int, kind text, one text, two text)
    )
    , match as (
      select asked.position, outcome.id from asked
      join outcome on outcome.workbook = asked.one and outcome.source_row_id = asked.two where asked.kind = 'row'
      union
      select asked.position, reference.outcome_id from asked
      join outcome_reference as reference on reference.system = asked.one and reference.key = asked.two
      where asked.kind = 'reference'
    )
    select match.position, id::text as id, version, state, content_digest, verified_by from match join outcome using (id)
  `.execute(trx);
  const found = new Map<number, StoredOutcome>();
  for (const row of rows) {
    const other = found.get(row.position);
    if (other !== undefined) {
      const message = `The references name two outcomes, ${other.id} and ${row.id}. State each outcome with its own references.`;
      throw new AppError('conflict', message, { details: { outcomeIds: [other.id, row.id] } });
    }
    found.set(row.position, row);
  }
  return found;
}

async function takeIds(trx: Transaction<DB>, count: number): Promise<string[]> {
  if (count === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select nextval(pg_get_serial_sequence('outcome', 'id'))::text as id from generate_series(1, ${count}::int)
  `.execute(trx);
  return rows.map((row) => row.id);
}

function toRecord(saved: SavedOutcome, { content, sheetRow, verifiedBy }: StatedOutcome) {
  const shared = content.shares.reduce((total, share) => total + share.basisPoints, 0);
  return {
    id: saved.outcomeId,
    version: saved.version,
    state: saved.state,
    verified_by: saved.state === 'verified' ? verifiedBy : null,
    workbook: sheetRow?.workbook ?? null,
    source_row_id: sheetRow?.sourceRowId ?? null,
    unattributed_basis_points: BASIS_POINTS_WHOLE - shared,
    content_digest: contentDigest(content),
    content,
  };
}

/** `records` is JSON whose money is text: PostgreSQL casts it, no driver ever reads it as a number. */
async function writeRecords(trx: Transaction<DB>, records: string, principal: Principal, at: Date): Promise<void> {
  const written = sql`jsonb_to_recordset(${records}::jsonb) as written (id bigint, version int, state text, verified_by text,
    workbook text, source_row_id text, unattributed_basis_points int, content_digest text, content jsonb)`;
  const moment = sql`${at.toISOString()}::timestamptz`;
  await sql`
    insert into outcome_type (id, unit)
    select distinct content ->> 'outcomeType', content ->> 'unit' from ${written} where content ->> 'unit' is not null
    on conflict (id) do nothing
  `.execute(trx);
  await sql`
    insert into outcome (id, version, state, title, outcome_type, unit, quantity, basis, gross_or_margin, amount, amount_low,
      amount_high, currency, delivered_on, recorded_at, owner_email, baseline, evidence_url, claimed_by, verified_by, verified_at,
      workbook, source_row_id, unattributed_basis_points, content_digest, updated_at)
    select id, version, state, content ->> 'title', content ->> 'outcomeType', content ->> 'unit',
      (content ->> 'quantity')::numeric, content ->> 'basis', content ->> 'grossOrMargin', (content ->> 'amount')::numeric,
      (content ->> 'amountLow')::numeric, (content ->> 'amountHigh')::numeric, content ->> 'currency',
      (content ->> 'deliveredOn')::date, ${moment}, content ->> 'ownerEmail', content ->> 'baseline', content ->> 'evidenceUrl',
      ${principal.id}, verified_by, case when verified_by is not null then ${moment} end,
      workbook, source_row_id, unattributed_basis_points, content_digest, ${moment}
    from ${written}
    on conflict (id) do update set version = excluded.version, state = excluded.state, title = excluded.title,
      outcome_type = excluded.outcome_type, unit = excluded.unit, quantity = excluded.quantity, basis = excluded.basis,
      gross_or_margin = excluded.gross_or_margin, amount = excluded.amount, amount_low = excluded.amount_low,
      amount_high = excluded.amount_high, currency = excluded.currency, delivered_on = excluded.delivered_on,
      owner_email = excluded.owner_email, baseline = excluded.baseline, evidence_url = excluded.evidence_url,
      verified_by = excluded.verified_by, verified_at = excluded.verified_at,
      workbook = coalesce(outcome.workbook, excluded.workbook),
      source_row_id = coalesce(outcome.source_row_id, excluded.source_row_id),
      unattributed_basis_points = excluded.unattributed_basis_points, content_digest = excluded.content_digest,
      updated_at = excluded.updated_at
  `.execute(trx);
  await sql`delete from outcome_share using ${written} where outcome_id = id`.execute(trx);
  await sql`delete from outcome_schedule using ${written} where outcome_id = id`.execute(trx);
  await sql`
    insert into outcome_share (outcome_id, pod_id, basis_points)
    select id, share ->> 'podId', (share ->> 'basisPoints')::int
    from ${written}, jsonb_array_elements(content -> 'shares') as share
  `.execute(trx);
  await sql`
    insert into outcome_schedule (outcome_id, ordinal, recognised_from, recognised_until, amount)
    select id, ordinal, (row_content ->> 'from')::date, (row_content ->> 'until')::date, (row_content ->> 'amount')::numeric
    from ${written}, jsonb_array_elements(content -> 'schedule') with ordinality as scheduled (row_content, ordinal)
  `.execute(trx);
  await sql`
    insert into outcome_reference (system, key, outcome_id, url)
    select reference ->> 'system', reference ->> 'key', id, reference ->> 'url'
    from ${written}, jsonb_array_elements(content -> 'references') as reference
    on conflict (system, key) do update set url = excluded.url
  `.execute(trx);
  await sql`
    insert into outcome_version (outcome_id, version, state, content, at, principal)
    select id, version, state, content || jsonb_build_object('verifiedBy', verified_by), ${moment}, ${principal.id} from ${written}
  `.execute(trx);
}
