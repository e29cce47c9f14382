/**
 * Makes an organisation file so. The long work (attributing and rolling up every current load under the new rulebook) is done and
 * committed beforehand and can be taken up again after a crash; then one transaction changes everything that shows.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../attribution/activate-rulebook.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { storeRulebook } from '../attribution/store-rulebook.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { evaluateEnvelopes } from '../envelopes/evaluate-envelopes.ts';
import { syncEnvelopes } from '../envelopes/sync-envelopes.ts';
import { clearConversionRates, importFxFiles } from '../fx/import-rates.ts';
import { APPLY_LOCK } from '../kernel/advisory-locks.ts';
import { AppError } from '../kernel/errors.ts';
import { type Principal, type Progress, silentProgress } from '../kernel/ports.ts';
import { describeConflict } from './describe-plan.ts';
import { readFxFiles } from './read-fx-files.ts';
import type { ReadOrganisation } from './read-organisation-file.ts';
import { type Plan, planOrganisation } from './plan-organisation.ts';
import { rulebookOf } from './rulebook-of.ts';
import { storeOrganisation } from './store-organisation.ts';

export interface ApplyResult {
  /** Whether nothing was changed, exchange rates included. */
  readonly unchanged: boolean;
  readonly plan: Plan;
  /** The rulebook now in force. */
  readonly rulebookId: number;
  /** Exchange rates that were new or different. */
  readonly changedRates: number;
  /** Envelopes that got a version or were withdrawn. */
  readonly changedEnvelopes: number;
}

/**
 * Applies a file that was read and checked.
 * @throws AppError organisation_conflict where the file and the product changed the same thing, or another apply came between;
 *   invalid_organisation where an exchange rate file is missing; invalid_input where one is at fault.
 */
export async function applyOrganisation(
  db: Kysely<DB>,
  options: { file: ReadOrganisation; principal: Principal; at: Date; progress?: Progress },
): Promise<ApplyResult> {
  const { file, principal, at, progress = silentProgress } = options;
  const rates = await readFxFiles(file);
  refuseConflicts(await planOrganisation(db, file, at));
  const content = rulebookOf(file.organisation);
  const { id: rulebookId } = await db.transaction().execute((trx) => storeRulebook(trx, content, principal, at));
  await prepareRulebook(db, rulebookId, progress);
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${APPLY_LOCK})`.execute(trx);
    // Planned again under the lock: what was applied or granted meanwhile counts.
    const plan = await planOrganisation(trx, file, at);
    refuseConflicts(plan);
    return makeSo(trx, { file, principal, at, plan, rulebookId, rates });
  });
}

async function makeSo(
  trx: Transaction<DB>,
  given: {
    file: ReadOrganisation;
    principal: Principal;
    at: Date;
    plan: Plan;
    rulebookId: number;
    rates: readonly { name: string; text: string }[];
  },
): Promise<ApplyResult> {
  const { file, principal, at, plan, rulebookId } = given;
  const { organisation } = file;
  const changesRulebook = plan.rulebook.current !== rulebookId;
  // Locks first, in the order everybody keeps; the rulebook's activation takes those of all charge months.
  if (changesRulebook) await activateRulebook(trx, rulebookId, { at, principal });
  const { changed: changedRates } = await importFxFiles(trx, given.rates, at);
  const unchanged = plan.unchanged && changedRates === 0;
  if (unchanged) return { unchanged, plan, rulebookId, changedRates, changedEnvelopes: 0 };

  await storeOrganisation(trx, { organisation, plan, at });
  if (plan.changes.some(({ noun, id }) => noun === 'setting' && id.startsWith('fx.'))) await clearConversionRates(trx);
  // Envelopes that were there are judged under the new rules before new versions come in, so that the cause of each crossing is told right.
  if (changesRulebook) await evaluateEnvelopes(trx, { at, cause: 'rulebook' });
  const envelopes = await syncEnvelopes(trx, { organisation, at, principal });
  await evaluateEnvelopes(trx, { at, cause: 'envelope' });
  await sql`
    insert into applied_file (source_text, content, rulebook_id, applied_at, applied_by)
    values (${file.sourceText}, ${JSON.stringify(organisation)}::jsonb, ${rulebookId}, ${at.toISOString()}::timestamptz, ${principal.id})
  `.execute(trx);
  await raiseFiguresVersion(trx);
  await recordAudit(trx, {
    at,
    principal,
    action: 'apply-organisation',
    subjectKind: 'organisation',
    subjectId: organisation.name,
    details: {
      rulebook: rulebookId,
      formerRulebook: plan.rulebook.current,
      changes: plan.changes.map(({ noun, id, action }) => `${action} ${noun} ${id}`),
      reorderedRules: plan.reordered.length,
      changedRates,
    },
  });
  return { unchanged, plan, rulebookId, changedRates, changedEnvelopes: envelopes.length };
}

function refuseConflicts(plan: Plan): void {
  if (plan.conflicts.length === 0) return;
  const lines = plan.conflicts.map(describeConflict);
  throw new AppError(
    'organisation_conflict',
    `Nothing was applied: the file and the product changed the same things since the last applied file.\n${lines.join('\n')}\n` +
      'Write what the product has into the file to keep it, then apply again; or change it in the product first.',
    { details: { conflicts: plan.conflicts } },
  );
}
