/**
 * What saving would do to each statement: which stored outcome it names, and which state that comes to. Writers come one after the other,
 * so that a reference is never taken twice and no pool is filled twice.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { CLAIMANTS } from './claimants.ts';
import { lockOutcomes } from './lock-outcomes.ts';
import { contentDigest, isSamePerson, type OutcomeState, type StatedOutcome } from './outcome.ts';

export type OutcomeChange = 'created' | 'changed' | 'unchanged';

export interface SavedOutcome {
  /** Null where nothing was written and the outcome is new. */
  readonly outcomeId: string | null;
  readonly change: OutcomeChange;
  readonly version: number;
  readonly state: string;
  readonly notes: readonly string[];
  /** Its statement brought evidence that it did not have. */
  readonly hasNewEvidence?: boolean;
}

/** What is to be written. Whether a verification stands shows once the statement and its evidence are written. */
export interface PlannedOutcome extends SavedOutcome {
  /** It asks to verify what is stored, as it is stored: what a statement brings or changes, its sender recorded and does not verify. */
  readonly verifies: boolean;
}

interface StoredOutcome {
  readonly id: string;
  readonly version: number;
  readonly state: OutcomeState;
  readonly content_digest: string;
  readonly verified_by: string | null;
  readonly claimants: readonly string[];
  readonly state_reason: string | null;
  readonly superseded_by: string | null;
}

/** The plan of each statement, in their order; takes the writers' lock. */
export async function planOutcomes(trx: Transaction<DB>, stated: readonly StatedOutcome[]): Promise<PlannedOutcome[]> {
  await lockOutcomes(trx);
  const found = await findStored(trx, stated);
  return stated.map((statement, position) => planOne(statement, found.get(position)));
}

function planOne(statement: StatedOutcome, stored: StoredOutcome | undefined): PlannedOutcome {
  const { verifiedBy } = statement;
  const state = verifiedBy === null ? statement.state : 'claimed';
  const recorded = verifiedBy === null ? [] : [`lands as claimed: ${cannotVerify(verifiedBy)}`];
  if (stored === undefined) {
    return { outcomeId: null, change: 'created', version: 1, state, notes: recorded, verifies: false };
  }
  const unchanged = (...notes: string[]): PlannedOutcome => {
    const { id: outcomeId, version } = stored;
    return { outcomeId, change: 'unchanged', version, state: stored.state, notes, verifies: false };
  };
  if (stored.superseded_by !== null) {
    return unchanged(`was superseded by outcome ${stored.superseded_by}; state that one`);
  }
  const isCandidate = stored.state === 'candidate';
  const isSame =
    statement.claims?.saysNothingNew === true || stored.content_digest === contentDigest(statement.content);
  if (statement.state === 'candidate' && (!isCandidate || isSame)) return unchanged();
  const isTakenBack = stored.state === 'rejected' || stored.state === 'retracted';
  const taken = `${stored.state} (${stored.state_reason ?? 'no reason given'})`;
  if (isSame && isTakenBack && statement.claims === undefined) {
    return unchanged(`is ${taken}; claim it where that no longer holds`);
  }
  if (isSame && !isTakenBack && !isCandidate) {
    if (verifiedBy === null || stored.state === 'verified') return unchanged();
    if (stored.state === 'partially_verified') {
      const part = `is verified in part by ${stored.verified_by ?? 'nobody'} (${stored.state_reason ?? 'no reason given'})`;
      return unchanged(`${part}; saying it again lifts no verdict: verify it by itself`);
    }
    const claimant = stored.claimants.find((one) => isSamePerson(verifiedBy, one));
    if (claimant !== undefined) return unchanged(`lands as claimed: ${cannotVerify(claimant)}`);
    return { ...unchanged(), verifies: true };
  }
  const fell =
    stored.state === 'verified' || stored.state === 'partially_verified'
      ? [`was verified by ${stored.verified_by ?? 'nobody'}; its content changed, so it is claimed again`]
      : [];
  const again = isTakenBack ? [`was ${taken}; it is claimed again`] : [];
  return {
    outcomeId: stored.id,
    change: 'changed',
    version: stored.version + 1,
    state,
    notes: [...fell, ...again, ...recorded],
    verifies: false,
  };
}

/** What somebody claimed, or recorded, somebody else verifies. */
function cannotVerify(claimant: string): string {
  return `${claimant} stated the outcome, or changed it, and cannot verify it; somebody else of role finance does, by the act or by stating it again just like this`;
}

/** The stored outcome of each statement, by the statement's position: of the same sheet row, or of one of its references. */
async function findStored(trx: Transaction<DB>, stated: readonly StatedOutcome[]): Promise<Map<number, StoredOutcome>> {
  const keys = stated.flatMap(({ content, sheetRow, claims }, position) => [
    ...(sheetRow === null ? [] : [{ position, kind: 'row', one: sheetRow.workbook, two: sheetRow.sourceRowId }]),
    ...content.references.map(({ system, key }) => ({ position, kind: 'reference', one: system, two: key })),
    ...(claims === undefined ? [] : [{ position, kind: 'id', one: claims.outcomeId, two: '' }]),
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
      union
      select position, one::bigint from asked where kind = 'id'
    )
    select match.position, id::text as id, version, state, content_digest, verified_by, ${CLAIMANTS} as claimants, state_reason,
      superseded_by::text as superseded_by
    from match join outcome using (id)
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
