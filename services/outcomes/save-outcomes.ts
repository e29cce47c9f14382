/**
 * Writes stated outcomes: new ones, changed ones as a new version, and nothing for those stored like that already. Whatever the
 * number of outcomes, it is one statement per table. What is stored and asks to be verified as it is stored is verified at last, where
 * nothing is missing to it; a pool that would hold more than its ceiling refuses them all.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { utcDate } from '../kernel/period.ts';
import { keepPieces } from '../evidence/evidence.ts';
import type { Principal } from '../kernel/ports.ts';
import { findDuplicates } from './duplicates/find-duplicates.ts';
import { giveWay } from './acts/give-way.ts';
import type { StatedOutcome } from './outcome.ts';
import type { PlannedOutcome, SavedOutcome } from './plan-outcomes.ts';
import { keepCeilings } from './pools/pool-ceilings.ts';
import { readGates } from './gates/read-gates.ts';
import { type OutcomeActName, recordVersions } from './record-versions.ts';
import { missingForVerification } from './gates/verification-gates.ts';
import { toRecord, writeRecords } from './write-records.ts';

interface SaveOptions {
  readonly stated: readonly StatedOutcome[];
  readonly plan: readonly PlannedOutcome[];
  readonly principal: Principal;
  readonly at: Date;
  /** The outcome whose place the first statement takes, in the same breath. */
  readonly replaces?: { readonly outcomeId: string; readonly reason: string };
}

type Identified = PlannedOutcome & { readonly outcomeId: string };

/** Writes what the plan says and raises figures_version once where anything changed. */
export async function saveOutcomes(trx: Transaction<DB>, options: SaveOptions): Promise<SavedOutcome[]> {
  const { stated, principal, at } = options;
  const planned = await identify(trx, options.plan);
  const records = planned.flatMap((one, position) => {
    const statement = stated[position];
    return one.change === 'unchanged' || statement === undefined ? [] : [toRecord(one, statement)];
  });
  const written = records.map(({ id }) => id);
  if (records.length > 0) await writeRecords(trx, { records, principal, at });
  const [first] = planned;
  if (options.replaces !== undefined && first !== undefined) {
    await giveWay(trx, { ...options.replaces, successorId: first.outcomeId, principal, at });
  }
  const touched = await addEvidence(trx, planned, options);
  await settleAgreements(trx, planned, options);
  await findDuplicates(trx, [...new Set([...written, ...touched])], at);
  const refused = await verifyComplete(trx, planned, options);
  // A statement that only verifies what is stored may raise what counts too.
  await keepCeilings(trx, [...new Set([...written, ...refused.keys()])]);
  const saved = planned.map((one) => {
    const result = resultOf(one, refused.get(one.outcomeId));
    if (one.change !== 'unchanged' || !touched.has(one.outcomeId)) return result;
    return { ...result, hasNewEvidence: true, notes: [...result.notes, 'has more evidence now'] };
  });
  const acts = saved.flatMap(({ change, outcomeId, state }, position) => {
    const { claims, sheetRow = null } = stated[position] ?? {};
    const isClaim = claims !== undefined || (change === 'changed' && sheetRow === null && state === 'claimed');
    const act: OutcomeActName = state === 'verified' ? 'verified' : isClaim ? 'claimed' : 'stated';
    return change === 'unchanged' ? [] : [{ outcomeId, act }];
  });
  if (acts.length === 0) return saved;
  await recordVersions(trx, { acts, reason: null, principal, at });
  await raiseFiguresVersion(trx, { outcomeIds: acts.map(({ outcomeId }) => outcomeId) });
  return saved;
}

async function identify(trx: Transaction<DB>, plan: readonly PlannedOutcome[]): Promise<Identified[]> {
  const ids = await takeIds(trx, plan.filter((one) => one.change === 'created').length);
  return plan.map((one) => ({ ...one, outcomeId: one.outcomeId ?? ids.shift() ?? '' }));
}

/** `refused`: what is missing to its verification; undefined where none was asked for. */
function resultOf(planned: Identified, refused: readonly string[] | undefined): SavedOutcome & { outcomeId: string } {
  const { verifies: _verifies, ...one } = planned;
  if (refused?.length !== 0) return { ...one, notes: [...one.notes, ...(refused ?? [])] };
  return { ...one, change: 'changed', version: one.version + 1, state: 'verified' };
}

/** Verifies what asks for it where nothing is missing; what is missing, by outcome, where something is. */
async function verifyComplete(
  trx: Transaction<DB>,
  planned: readonly Identified[],
  { principal, at }: SaveOptions,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const asking = planned.flatMap(({ verifies, outcomeId }) => (verifies ? [outcomeId] : []));
  if (asking.length === 0) return new Map();
  const refused = new Map(
    [...(await readGates(trx, asking))].map(([id, gated]) => [
      id,
      missingForVerification(gated, utcDate(at)).map(({ reason, fix }) => `lands as claimed: ${reason}. ${fix}`),
    ]),
  );
  const complete = asking.filter((id) => refused.get(id)?.length === 0);
  await sql`
    update outcome set state = 'verified', verified_by = ${principal.id}, verified_at = ${at.toISOString()}::timestamptz,
      state_reason = null, version = version + 1, updated_at = ${at.toISOString()}::timestamptz
    where id = any (${complete}::bigint[])`.execute(trx);
  await sql`
    update outcome_schedule set verdict = 'verified', verified_amount = amount
    where outcome_id = any (${complete}::bigint[])`.execute(trx);
  return refused;
}

async function takeIds(trx: Transaction<DB>, count: number): Promise<string[]> {
  if (count === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select nextval(pg_get_serial_sequence('outcome', 'id'))::text as id from generate_series(1, ${count}::int)
  `.execute(trx);
  return rows.map((row) => row.id);
}

/** Also of statements that change nothing else. The outcomes that have more now. */
async function addEvidence(
  trx: Transaction<DB>,
  planned: readonly Identified[],
  { stated, principal, at }: SaveOptions,
): Promise<ReadonlySet<string>> {
  const links = stated.flatMap(({ evidence = [] }, position) =>
    evidence.map((link) => ({ id: planned[position]?.outcomeId, ...link })),
  );
  if (links.length === 0) return new Set();
  const moment = sql`${at.toISOString()}::timestamptz`;
  const { rows } = await sql<{ id: string }>`
    insert into outcome_evidence (outcome_id, kind, uri, title, sha256, captured_at, added_by, added_at)
    select distinct on (id, uri) id, 'link', uri, title, sha256, ${moment}, ${principal.id}, ${moment}
    from jsonb_to_recordset(${JSON.stringify(links)}::jsonb) as link (id bigint, uri text, title text, sha256 text)
    on conflict (outcome_id, uri) do nothing returning outcome_id::text as id
  `.execute(trx);
  const touched = new Set(rows.map(({ id }) => id));
  if (touched.size > 0) await keepPieces(trx, [...touched]);
  return touched;
}

/** Of what is stored and asks to be verified; what is written has them. */
async function settleAgreements(
  trx: Transaction<DB>,
  planned: readonly Identified[],
  { stated, at }: SaveOptions,
): Promise<void> {
  const settled = planned.flatMap(({ outcomeId, verifies }, position) =>
    verifies ? (stated[position]?.agreements ?? []).map((agreement) => ({ id: outcomeId, ...agreement })) : [],
  );
  if (settled.length === 0) return;
  await sql`
    update outcome_share as share set agreed_by = settled."agreedBy", agreed_at = ${at.toISOString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(settled)}::jsonb) as settled (id bigint, "podId" text, "agreedBy" text)
    where share.outcome_id = settled.id and share.pod_id = settled."podId" and share.agreed_by is null
  `.execute(trx);
}
