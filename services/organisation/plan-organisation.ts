/**
 * What applying an organisation file would change: against the last applied file, and against what the product changed since.
 * A plan writes nothing and is plain data; `describePlan` tells it in words.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { currentRulebook } from '../attribution/store-rulebook.ts';
import { type IsoDate, utcDate } from '../kernel/period.ts';
import { describeUnmeasured } from '../usage/unmeasured-metrics.ts';
import { type Change, type Conflict, isSame, type Kept, mergeThreeWay } from './merge-three-way.ts';
import type { Organisation } from './organisation.ts';
import { type Noun, NOUNS, sectionsOf } from './organisation-sections.ts';
import { type KnownStates, readProductEnvelopes, readProductPods } from './product-state.ts';
import type { ReadOrganisation } from './read-organisation-file.ts';
import { rulebookOf } from './rulebook-of.ts';

export interface Plan {
  /** Whether no file was applied before. */
  readonly isFirst: boolean;
  /** Whether applying would change nothing; exchange rates are compared by apply itself. */
  readonly unchanged: boolean;
  readonly rulebook: {
    readonly current: number;
    /** The number it will have; null: a new one. */
    readonly next: number | null;
    readonly changed: boolean;
  };
  readonly changes: readonly (Change<unknown> & { readonly noun: Noun })[];
  /** Rules that stay but stand in another order, as the file has them. */
  readonly reordered: readonly string[];
  /** Changed in the product and not in the file: stays as it is. */
  readonly kept: readonly (Kept<unknown> & { readonly noun: Noun })[];
  /** Changed in the file to what the product has already: taken over. */
  readonly agreed: readonly { readonly noun: Noun; readonly id: string }[];
  /** Changed in both: applying stops. */
  readonly conflicts: readonly (Conflict<unknown> & { readonly noun: Noun })[];
  /** Sentences about what the file says rightly and still may not be meant; nothing stops at them. */
  readonly warnings: readonly string[];
}

export interface AppliedFile {
  readonly id: number;
  readonly content: Organisation;
  readonly appliedOn: IsoDate;
}

/** Whether an organisation file was applied, or is being: a rulebook beyond the empty one is there, or a file that has none. */
export async function hasRulebook(db: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql`
    (select 1 from rulebook where id > 0 limit 1) union all (select 1 from applied_file limit 1)
  `.execute(db);
  return rows.length > 0;
}

/** The file that was applied last, or null. */
export async function lastAppliedFile(db: Kysely<DB>): Promise<AppliedFile | null> {
  const { rows } = await sql<{ id: number; content: Organisation; appliedOn: string }>`
    select id, content, (applied_at at time zone 'UTC')::date::text as "appliedOn" from applied_file order by id desc limit 1
  `.execute(db);
  return rows[0] ?? null;
}

/** Compares a file with the last applied one and with the product. `at` decides which dated value of a pod holds. */
export async function planOrganisation(db: Kysely<DB>, file: ReadOrganisation, at: Date): Promise<Plan> {
  const { organisation } = file;
  const applied = await lastAppliedFile(db);
  const base = applied?.content ?? null;
  const known: KnownStates = {
    base,
    baseDate: applied?.appliedOn ?? utcDate(at),
    file: organisation,
    fileDate: utcDate(at),
  };
  const before = sectionsOf(base);
  const after = sectionsOf(organisation);
  const product = { ...before, pod: await readProductPods(db, known), envelope: await readProductEnvelopes(db, known) };
  const merges = NOUNS.map((noun) => {
    const merge = mergeThreeWay({ base: before[noun], file: after[noun], product: product[noun] });
    return { noun, merge };
  });
  const changes = merges.flatMap(({ noun, merge }) => merge.changes.map((change) => ({ noun, ...change })));
  const conflicts = merges.flatMap(({ noun, merge }) => merge.conflicts.map((conflict) => ({ noun, ...conflict })));
  const agreed = merges.flatMap(({ noun, merge }) => merge.agreed.map((id) => ({ noun, id })));
  const kept = merges.flatMap(({ noun, merge }) => merge.kept.map((entry) => ({ noun, ...entry })));
  const rulebook = await planRulebook(db, organisation);
  const reordered = reorderedRules(base, organisation);
  const differences = changes.length + agreed.length + conflicts.length + reordered.length;
  const unchanged = base !== null && differences === 0 && !rulebook.changed;
  const warnings = await describeUnmeasured(db, organisation.rules);
  return { isFirst: base === null, unchanged, rulebook, changes, reordered, kept, agreed, conflicts, warnings };
}

async function planRulebook(db: Kysely<DB>, organisation: Organisation): Promise<Plan['rulebook']> {
  const content = rulebookOf(organisation);
  const current = await currentRulebook(db);
  if (isSame(content, current.content)) return { current: current.id, next: current.id, changed: false };
  const { rows } = await sql<{ id: number }>`
    select id from rulebook where content = ${canonicalJson(content)}::jsonb order by id limit 1
  `.execute(db);
  return { current: current.id, next: rows[0]?.id ?? null, changed: true };
}

/** Which rules stand elsewhere among those that both files have: the first match wins, so their order is a change of its own. */
function reorderedRules(base: Organisation | null, file: Organisation): string[] {
  const ids = file.rules.map(({ id }) => id);
  const common = (base?.rules ?? []).map(({ id }) => id).filter((id) => ids.includes(id));
  const now = ids.filter((id) => common.includes(id));
  return isSame(common, now) ? [] : now;
}
