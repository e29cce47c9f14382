/**
 * The attribution of a rulebook told from that of another one, which was there before: only origins that the rules between the two may have
 * moved are asked again (moved-rules.ts). What kept rules give to somebody else is written without being asked, and a rulebook that is laid
 * upon the other one leaves everything else to it. So a change of rules costs by the origins it moves.
 */
import { CompiledQuery, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { withBulkPlans } from './bulk-plans.ts';
import { compileTakenOrigins } from './compile-moved.ts';
import { type Bind, compileAttribution } from './compile-rules.ts';
import { insertAttribution } from './insert-attribution.ts';
import { laidAttribution } from './laid-attribution.ts';
import { type Given, type MovedRules, movedRules } from './moved-rules.ts';
import { ensureLayers, MOVED_SHARE_MAX, readLayers } from './rulebook-layers.ts';
import { currentRulebook, type NumberedRulebook, readRulebook } from './store-rulebook.ts';

/** Fewer origins than this are looked up one by one. */
const LOOKED_UP_MAX = 5_000;

/** What a rulebook is told from. */
export interface Source {
  readonly rulebook: NumberedRulebook;
  readonly source: NumberedRulebook;
  /** Whether the rulebook is laid upon the source; it has everything itself where it is not. */
  readonly isLaid: boolean;
  readonly moved: MovedRules;
}

/**
 * The source of a stored rulebook, which is laid where it was not yet: its base, or for one that stands for itself the rulebook in force.
 * Undefined where that is the rulebook itself, or where most rules are others and have to be asked anyhow.
 * @throws AppError not_found.
 */
export async function chooseSource(trx: Transaction<DB>, rulebookId: number): Promise<Source | undefined> {
  const rulebook = await readRulebook(trx, rulebookId);
  const [, baseId] = await ensureLayers(trx, rulebookId);
  const source = baseId === undefined ? await currentRulebook(trx) : await readRulebook(trx, baseId);
  if (source.id === rulebookId) return undefined;
  const moved = movedRules(source.content, rulebook.content);
  const rules = rulebook.content.rules.length + source.content.rules.length;
  if (moved.gone.length + moved.asked.length > MOVED_SHARE_MAX * rules) return undefined;
  return { rulebook, source, isLaid: baseId !== undefined, moved };
}

/** Base and difference of a rulebook that is laid upon another one; undefined where it stands for itself. */
export async function readBase(trx: Transaction<DB>, rulebookId: number): Promise<Source | undefined> {
  const [, baseId] = await readLayers(trx, rulebookId);
  if (baseId === undefined) return undefined;
  const [rulebook, source] = [await readRulebook(trx, rulebookId), await readRulebook(trx, baseId)];
  return { rulebook, source, isLaid: true, moved: movedRules(source.content, rulebook.content) };
}

/** Attributes the origins of these loads, which are rolled up under the source. Rows that are there stay, so that it may be done again. */
export async function deriveAttribution(trx: Transaction<DB>, told: Source, loadIds: readonly string[]): Promise<void> {
  const { asked, given } = await findTouched(trx, told);
  if (asked > 0) await withLookUps(trx, asked, () => attributeAsked(trx, told));
  if (given > 0 || !told.isLaid) {
    await withLookUps(trx, told.isLaid ? given : Infinity, () => copyRows(trx, told, { given, loadIds }));
  }
  await sql`drop table touched_origin`.execute(trx);
}

/** Writes touched_origin: the origins to be asked again, and, where the rest is left to the source, those given to somebody else. */
async function findTouched(
  trx: Transaction<DB>,
  { rulebook, source, isLaid, moved }: Source,
): Promise<{ asked: number; given: number }> {
  const parameters: unknown[] = [];
  const bind: Bind = (value, type) => `$${parameters.push(value)}::${type}`;
  const given = isLaid ? moved.given.map(({ ruleId }) => ruleId) : [];
  const laid = (await laidAttribution(trx, source.id)).compile(trx);
  if (laid.parameters.length > 0) parameters.push(...laid.parameters);
  const gone = bind(moved.gone, 'text[]');
  const taken =
    moved.asked.length === 0
      ? ''
      : `union all select id, true from (${compileTakenOrigins(rulebook.content.tags, moved.asked, bind)}) as taken`;
  // A table that is made by its query, and a temporary one: processes can walk the origins side by side.
  const text = `
    create temp table touched_origin on commit drop as
    select id, bool_or(is_asked) as is_asked from (
      select origin_id as id, rule_id = any(${gone}) as is_asked from ${laid.sql} as laid
      where rule_id = any(${bind([...moved.gone, ...given], 'text[]')})
      ${taken}
    ) as touched group by id`;
  await withBulkPlans(trx, () => trx.executeQuery(CompiledQuery.raw(text, parameters)));
  await sql`analyze touched_origin`.execute(trx);
  const { rows } = await sql<{ asked: number; given: number }>`
    select (count(*) filter (where is_asked))::integer as asked, (count(*) filter (where not is_asked))::integer as given from touched_origin
  `.execute(trx);
  return rows[0] ?? { asked: 0, given: 0 };
}

async function attributeAsked(trx: Transaction<DB>, { rulebook }: Source): Promise<void> {
  const isAsked = 'origin.id in (select id from touched_origin where is_asked)';
  await insertAttribution(
    trx,
    compileAttribution(rulebook.id, rulebook.content, () => isAsked),
  );
}

/**
 * The source's rows with what they become: of the touched origins that are not asked, or of all that are not. What the source's layers have
 * of an origin is right only once it was asked for: all that a single layer has, else the origins of loads that are rolled up under it.
 */
async function copyRows(
  trx: Transaction<DB>,
  { rulebook, source, isLaid, moved }: Source,
  { given, loadIds }: { given: number; loadIds: readonly string[] },
): Promise<void> {
  const rows =
    isLaid && given < LOOKED_UP_MAX
      ? sql`touched_origin as touched cross join lateral (
          select * from attributed_origin where rulebook_id = ${source.id} and origin_id = touched.id offset 0) as former`
      : sql`${await laidAttribution(trx, source.id)} as former left join touched_origin as touched on touched.id = former.origin_id`;
  const isSingle = (await readLayers(trx, source.id)).length <= 1;
  const isKnown = sql`exists (
    select from load_origin where load_id = any(${[...loadIds]}::bigint[]) and load_origin.origin_id = former.origin_id)`;
  const statement = sql`
    insert into attribution (rulebook_id, origin_id, valid_from, valid_until, rule_id, kind, pod_id)
    select ${rulebook.id}::integer, former.origin_id, former.valid_from, former.valid_until, former.rule_id,
      coalesce(given.kind, former.kind), case when given.rule_id is null then former.pod_id else given.pod_id end
    from ${rows} left join ${givenTable(moved.given)} on given.rule_id = former.rule_id
    where ${isLaid ? sql`not touched.is_asked` : sql`touched.is_asked is not true`} ${isSingle ? sql`` : sql`and ${isKnown}`}
    order by former.origin_id, former.valid_from`.compile(trx);
  await insertAttribution(trx, { text: statement.sql, parameters: statement.parameters });
}

/** Rules with what they give now, as SQL for a FROM clause: `given` (rule_id, kind, pod_id), empty where there are none. */
export function givenTable(given: readonly Given[]) {
  return sql`unnest(${given.map(({ ruleId }) => ruleId)}::text[], ${given.map(({ kind }) => kind)}::text[],
    ${given.map(({ podId }) => podId)}::text[]) as given (rule_id, kind, pod_id)`;
}

async function withLookUps(trx: Transaction<DB>, origins: number, work: () => Promise<void>): Promise<void> {
  await withBulkPlans(trx, async () => {
    if (origins < LOOKED_UP_MAX) await sql`set local enable_nestloop = on`.execute(trx);
    await work();
  });
}
