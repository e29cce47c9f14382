/**
 * Makes an organisation file so. The long work (attributing and rolling up every current load under the new rulebook) is done and
 * committed beforehand and can be taken up again after a crash; then one transaction changes everything that shows.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../attribution/activate-rulebook.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { lockRulebookInForce } from '../attribution/locks.ts';
import { listCurrentLoadIds } from '../attribution/rebuild-months.ts';
import { currentRulebook, readRulebook, storeRulebook } from '../attribution/store-rulebook.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { type EnvelopesMoved, moveEnvelopes, NO_ENVELOPES_MOVED } from '../envelopes/move-envelopes.ts';
import { clearConversionRates, importFxFiles } from '../fx/import-rates.ts';
import { APPLY_LOCK } from '../kernel/advisory-locks.ts';
import { AppError } from '../kernel/errors.ts';
import { type Principal, type Progress, silentProgress } from '../kernel/ports.ts';
import { rememberFigures } from '../replay/former-figures.ts';
import { type PlanMoney, readFiguresVersion, tellMoney } from '../replay/plan-money.ts';
import { describeConflict } from './describe-plan.ts';
import { readFxFiles } from './read-fx-files.ts';
import type { ReadOrganisation } from './read-organisation-file.ts';
import { type Plan, planOrganisation } from './plan-organisation.ts';
import { rulebookOf } from './rulebook-of.ts';
import { storeIntake } from './store-intake.ts';
import { storeOrganisation } from './store-organisation.ts';

export interface ApplyResult {
  /** Whether nothing was changed, exchange rates included. */
  readonly unchanged: boolean;
  readonly plan: Plan;
  /** What it moved, in money; null where nothing was changed. It is stored with who applied it and when. */
  readonly money: PlanMoney | null;
  /** The envelopes that it moved: stored with it. */
  readonly envelopes: EnvelopesMoved;
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

interface Given {
  readonly file: ReadOrganisation;
  readonly principal: Principal;
  readonly at: Date;
  readonly plan: Plan;
  readonly rulebookId: number;
  readonly rates: readonly { name: string; text: string }[];
}

async function makeSo(trx: Transaction<DB>, given: Given): Promise<ApplyResult> {
  const { file, principal, at, plan, rulebookId } = given;
  const { organisation } = file;
  const changesRulebook = plan.rulebook.current !== rulebookId;
  const from = await currentRulebook(trx);
  const figuresVersion = await readFiguresVersion(trx);
  const { currency, costMetric } = organisation.reporting;
  // Locks first, in the order everybody keeps; the rulebook's activation takes those of all charge months.
  if (changesRulebook) await lockRulebookInForce(trx, 'exclusive');
  await rememberFigures(trx, currency);
  if (changesRulebook) await activateRulebook(trx, rulebookId, { at, principal });
  const { changed: changedRates } = await importFxFiles(trx, given.rates, at);
  const unchanged = plan.unchanged && changedRates === 0;
  if (unchanged) {
    // What failed is tried again all the same.
    await storeIntake(trx, organisation.intake, at);
    return {
      unchanged,
      plan,
      money: null,
      envelopes: NO_ENVELOPES_MOVED,
      rulebookId,
      changedRates,
      changedEnvelopes: 0,
    };
  }

  await storeOrganisation(trx, { organisation, plan, at });
  await storeIntake(trx, organisation.intake, at);
  if (plan.changes.some(({ noun, id }) => noun === 'setting' && id.startsWith('fx.'))) await clearConversionRates(trx);
  const { changes, moved } = await moveEnvelopes(trx, { organisation, changesRulebook, at, principal });
  const money = await tellMoney(trx, {
    from,
    to: await readRulebook(trx, rulebookId),
    loadIds: await listCurrentLoadIds(trx),
    currency,
    costMetric,
    changedRates,
    figuresVersion,
  });
  const appliedFileId = await storeApplied(trx, given, { money, envelopes: moved });
  await raiseFiguresVersion(trx, 'anything');
  await recordAudit(trx, {
    at,
    principal,
    action: 'apply-organisation',
    subjectKind: 'organisation',
    subjectId: organisation.name,
    details: {
      rulebook: rulebookId,
      formerRulebook: plan.rulebook.current,
      planId: appliedFileId,
      changes: plan.changes.map(({ noun, id, action }) => `${action} ${noun} ${id}`),
      reorderedRules: plan.reordered.length,
      changedRates,
    },
  });
  return { unchanged, plan, money, envelopes: moved, rulebookId, changedRates, changedEnvelopes: changes.length };
}

/** The file, and the plan with what it moved; gives their number. */
async function storeApplied(
  trx: Transaction<DB>,
  { file, principal, at, plan, rulebookId }: Given,
  moved: { money: PlanMoney; envelopes: EnvelopesMoved },
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into applied_file (source_text, content, rulebook_id, applied_at, applied_by)
    values (${file.sourceText}, ${JSON.stringify(file.organisation)}::jsonb, ${rulebookId}, ${at.toISOString()}::timestamptz, ${principal.id})
    returning id
  `.execute(trx);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('an inserted file has a number');
  await sql`
    insert into applied_plan (applied_file_id, figures_version, content)
    values (${id}, ${moved.money.figuresVersion}::bigint, ${canonicalJson({ ...plan, ...moved })})
  `.execute(trx);
  return id;
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
