/**
 * What stands beside a statement's document and decides how a closed period is answered: which days, rulebook, instant and currency its row
 * names, what that rulebook says, its loads with the hashes of their files, and the cells and months that cost reports and explanations read. A document that is
 * as it was hashed proves nothing while these are others.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { readRulebook } from '../attribution/store-rulebook.ts';
import type { IsoDate } from '../kernel/period.ts';
import { hashOf } from './chain.ts';
import { readLoads } from './statement-document.ts';

export interface StatementRow {
  readonly id: number;
  readonly kind: string;
  readonly period_id: string;
  readonly period_start: IsoDate;
  readonly period_end: IsoDate;
  readonly known_at: Date;
  readonly rulebook_id: number;
  readonly currency: string;
  readonly cost_metric: string;
}

/** The members of a document that say the same. */
export interface DocumentedFacts {
  readonly kind: string;
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate };
  readonly knownAt: string;
  readonly rulebook: { readonly id: number; readonly digest: string };
  readonly valuePerPod: { readonly currency: string; readonly costMetric: string };
  /** Of a month. */
  readonly loads?: unknown;
}

const COSTS = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'];

/** The first of them that is not as documented, as the end of a sentence; null where all are. */
export async function faultBesideDocument(
  db: Kysely<DB>,
  row: StatementRow,
  document: DocumentedFacts,
): Promise<string | null> {
  const { kind, period, knownAt, rulebook, valuePerPod } = document;
  const documented = [kind, period.id, period.start, period.end, knownAt, rulebook.id];
  const named = [
    row.kind,
    row.period_id,
    row.period_start,
    row.period_end,
    row.known_at.toISOString(),
    row.rulebook_id,
  ];
  const { currency, costMetric } = valuePerPod;
  if (
    canonicalJson([...named, row.currency, row.cost_metric]) !== canonicalJson([...documented, currency, costMetric])
  ) {
    return 'its days, instant, rulebook or currency are not those of its document';
  }
  if ((await digestRulebook(db, rulebook.id)) !== rulebook.digest) return 'its rulebook is not the one that was hashed';
  if (row.kind !== 'month') return null;
  if (canonicalJson(await readLoads(db, row.id)) !== canonicalJson(document.loads)) {
    return 'its loads or their files are not those of its document';
  }
  if (!(await areCellsAsFrozen(db, row))) return 'the cells of its loads do not add up to its frozen rows';
  return (await areMonthsTheirDays(db, row))
    ? null
    : 'the months that explanations read are not the sums of their days';
}

async function digestRulebook(db: Kysely<DB>, rulebookId: number): Promise<string> {
  return hashOf(canonicalJson((await readRulebook(db, rulebookId)).content));
}

/** What rules gave to pods, pod by pod, and all else as a whole, day by day. */
async function areCellsAsFrozen(
  db: Kysely<DB>,
  { id, rulebook_id: rulebookId, period_start: start, period_end: end }: StatementRow,
): Promise<boolean> {
  const key = sql`charge_date, case when kind = 'direct' then pod_id end as pod_id, billing_currency`;
  const { rows } = await sql<{ moved: boolean }>`
    select exists (
      select from (
        select ${key}, ${sql.join(COSTS.map((name) => sql.ref(name)))} from rollup_cost
        where rulebook_id = ${rulebookId} and charge_date >= ${start}::date and charge_date < ${end}::date
          and load_id = any(array(select load_id from statement_load where statement_id = ${id}))
        union all
        select ${key}, ${sql.join(COSTS.map((name) => sql`-${sql.ref(name)}`))} from statement_pod_day
        where statement_id = ${id} and kind <> 'owned'
      ) as side group by charge_date, pod_id, billing_currency
      having ${sql.join(
        COSTS.map((name) => sql`sum(${sql.ref(name)}) <> 0`),
        sql` or `,
      )}
    ) as moved
  `.execute(db);
  return rows[0]?.moved === false;
}

/** Of the loads' cells and of the frozen shares, with everything that months keep. */
async function areMonthsTheirDays(
  db: Kysely<DB>,
  { id, rulebook_id: rulebookId, period_start: start, period_end: end }: StatementRow,
): Promise<boolean> {
  const place = sql`load_id, pod_id, rule_id, provider_name, service_name, charge_category, billing_currency`;
  const costs = sql.join(COSTS.map((name) => sql.ref(name)));
  const negated = sql.join(COSTS.map((name) => sql`-${sql.ref(name)}`));
  const ofLoads = sql`rulebook_id = ${rulebookId} and load_id = any(array(select load_id from statement_load where statement_id = ${id}))`;
  const { rows } = await sql<{ moved: boolean }>`
    select exists (
      select from (
        select ${place}, kind, ${costs}, line_count from rollup_cost
        where ${ofLoads} and charge_date >= ${start}::date and charge_date < ${end}::date
        union all
        select ${place}, kind, ${negated}, -line_count from rollup_month where ${ofLoads} and charge_month = ${start}::date
        union all
        select ${place}, 'shared', ${costs}, 0 from statement_shared_cost where statement_id = ${id}
        union all
        select ${place}, 'shared', ${negated}, 0 from statement_shared_month where statement_id = ${id}
      ) as side group by ${place}, kind
      having sum(line_count) <> 0 or ${sql.join(
        COSTS.map((name) => sql`sum(${sql.ref(name)}) <> 0`),
        sql` or `,
      )}
    ) as moved
  `.execute(db);
  return rows[0]?.moved === false;
}
