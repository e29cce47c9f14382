/**
 * The figures as they would be under another organisation file: its rulebook, settings and exchange rates stand in front of today's, and
 * every charge month is made again over them.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { ensureRulebookReady, listChargeMonths } from '../attribution/activate-rulebook.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { rebuildMonths } from '../attribution/rebuild-months.ts';
import type { RulebookContent } from '../attribution/rulebook.ts';
import { clearConversionRates, importFxFiles } from '../fx/import-rates.ts';
import { rememberFigures } from './former-figures.ts';
import { ownTable, type Shadow } from './shadow.ts';

/** What applying a file writes besides the figures. */
const APPLIED_TABLES = [
  'portfolio',
  'pod',
  'pod_period',
  'pod_successor',
  'source',
  'pattern',
  'activation',
  'envelope',
  'envelope_version',
  'envelope_version_rate',
  'envelope_state',
  'alert',
] as const;

export interface PlannedFile {
  readonly rulebook: { readonly current: number; readonly next: number | null; readonly content: RulebookContent };
  readonly currency: string;
  readonly fx: { readonly policy: string; readonly carryDays: number };
  /** The texts of the exchange rate files; null: the rates stay as they are. */
  readonly rates: readonly { readonly name: string; readonly text: string }[] | null;
}

export interface PlannedWorld {
  readonly rulebookId: number;
  readonly loadIds: readonly string[];
  readonly changedRates: number;
}

/**
 * Remembers the figures of today, then hides organisation, pod_day, shared_cost and the exchange rates behind those of the file, and what
 * applying it writes besides behind copies.
 * @throws AppError invalid_input for a fault in the rates; conservation_broken.
 */
export async function planWorld(shadow: Shadow, file: PlannedFile): Promise<PlannedWorld> {
  const { trx } = shadow;
  const { current } = file.rulebook;
  const isMoved = file.rulebook.next !== current;
  const rulebookId = file.rulebook.next ?? (await insertCandidate(trx, file.rulebook.content));
  // While today's rulebook still shows as the one in force: the other one is laid upon it.
  const loadIds = await ensureRulebookReady(trx, rulebookId);
  await shadow.copy('conversion_rate', sql`to_currency = ${file.currency}`);
  await rememberFigures(trx, file.currency);
  await shadow.copy('organisation');
  await sql`update organisation set rulebook_id = ${rulebookId}, fx_policy = ${file.fx.policy}, fx_carry_days = ${file.fx.carryDays}`.execute(
    trx,
  );
  const changedRates = file.rates === null ? 0 : await takeRates(shadow, file.rates);
  if (await hasOtherPolicy(trx)) await clearConversionRates(trx);
  if (isMoved) {
    await shadow.hide('pod_day');
    await shadow.hide('pod_month');
    await shadow.hide('pod_cut');
    await shadow.hide('cost_month');
    await shadow.hide('shared_cost');
    await shadow.hide('shared_month');
  }
  for (const name of APPLIED_TABLES) await shadow.copy(name);
  await sql`select setval(pg_get_serial_sequence('pg_temp.envelope', 'id'), max(id)) from envelope`.execute(trx);
  await shadow.hide('message');
  await shadow.hide('audit_event');
  await shadow.settle();
  if (isMoved) {
    await rebuildMonths(trx, await listChargeMonths(trx, loadIds, rulebookId));
    await sql`analyze pod_day`.execute(trx);
  }
  return { rulebookId, loadIds, changedRates };
}

/** A number and a digest of its own: neither the row nor its key meets what others store meanwhile. */
async function insertCandidate(trx: Transaction<DB>, content: RulebookContent): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into rulebook (id, digest, content, created_by)
    values (-1 - floor(random() * 2000000000)::integer, 'planned ' || gen_random_uuid(), ${canonicalJson(content)}::jsonb, 'plan')
    returning id
  `.execute(trx);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('an inserted rulebook has an id');
  return id;
}

async function takeRates(shadow: Shadow, rates: NonNullable<PlannedFile['rates']>): Promise<number> {
  await shadow.copy('fx_rate');
  await shadow.hide('former_fx_rate');
  const { changed } = await importFxFiles(shadow.trx, rates);
  return changed;
}

async function hasOtherPolicy(db: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql<{ is_other: boolean }>`
    select (own.fx_policy, own.fx_carry_days) <> (planned.fx_policy, planned.fx_carry_days) as is_other
    from ${ownTable('organisation')} as own, organisation as planned
  `.execute(db);
  return rows[0]?.is_other === true;
}
