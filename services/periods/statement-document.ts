/**
 * The document of a statement: canonical JSON of everything an auditor asks of a closed period, and the digests of the rows that stand
 * behind it. Money is text; numbers are counts and ids. It is built once and kept as the text that was hashed.
 */
import assert from 'node:assert/strict';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import { type Decimal, isZero, ratio, subtract, ZERO } from '../kernel/decimal.ts';
import { readEnabling } from '../enabling/enabling-report.ts';
import type { Period } from '../kernel/period.ts';
import { notesOfDays } from '../notes/note.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { billingPeriodSql } from '../reports/cost-dimensions.ts';
import { costs } from '../reports/costs.ts';
import { reconcileFrame } from '../reports/reconciliation.ts';
import { asNowKnown, readReportFrame } from '../reports/report-frame.ts';
import { ADJUSTMENT_COLUMNS } from './drift.ts';
import { listAdjustmentLines } from './adjustments.ts';
import { digestFrozenRows } from './frozen-digests.ts';
import type { SourceReadiness } from './readiness.ts';

/** Raised when the document's shape changes; old documents keep theirs. */
export const STATEMENT_FORMAT = 'outturn statement 2';

export interface DocumentFacts {
  readonly statementId: number;
  readonly period: Period;
  readonly supersedesId: number | null;
  readonly reissueReason: string | null;
  readonly forcedReason: string | null;
  readonly knownAt: Date;
  readonly preparedBy: string;
  readonly rulebookId: number;
  readonly valuePerPod: ValuePerPod;
  readonly readiness: readonly SourceReadiness[];
}

/** The document of a month whose rows are frozen. */
export async function monthDocument(db: Kysely<DB>, facts: DocumentFacts): Promise<string> {
  const { statementId, period, knownAt } = facts;
  // What is frozen is what is known now, also where another statement of the month still stands.
  const frame = await asNowKnown(db, await readReportFrame(db, { period: period.id, at: knownAt }));
  const { rows, billedHereChargedElsewhere, chargedHereBilledElsewhere } = await reconcileFrame(db, frame);
  const booked = sql`select ${period.id}::text as booked_in, statement_id, ${ADJUSTMENT_COLUMNS} from statement_adjustment
    where statement_id = ${statementId}`;
  return canonicalJson({
    ...(await commonFacts(db, facts)),
    reconciliation: { rows, billedHereChargedElsewhere, chargedHereBilledElsewhere },
    coverage: await readCoverage(db, period, knownAt),
    rates: await readRates(db, facts),
    loads: await readLoads(db, statementId),
    adjustments: await listAdjustmentLines(db, booked),
    adjustedMonths: await readAdjustedMonths(db, statementId),
  });
}

/** The document of a quarter: its report, and the months it was put together from. */
export async function quarterDocument(db: Kysely<DB>, facts: DocumentFacts): Promise<string> {
  const { rows: months } = await sql`
    select month.id as "statementId", month.period_id as period, month.document_hash as "documentHash", month.hash
    from statement_month join statement as month on month.id = month_statement_id
    where statement_id = ${facts.statementId} order by month.period_start
  `.execute(db);
  return canonicalJson({ ...(await commonFacts(db, facts)), months });
}

async function commonFacts(db: Kysely<DB>, facts: DocumentFacts): Promise<object> {
  const { statementId, period } = facts;
  const rulebook = await db
    .selectFrom('rulebook')
    .select(['id', 'digest'])
    .where('id', '=', facts.rulebookId)
    .executeTakeFirstOrThrow();
  const notes = await notesOfDays(db, period);
  const enabling = await readEnabling(db, period);
  const { name } = await db.selectFrom('organisation').select('name').executeTakeFirstOrThrow();
  return {
    format: STATEMENT_FORMAT,
    organisation: name,
    statementId,
    kind: period.kind,
    period: { id: period.id, start: period.start, end: period.end },
    supersedes: facts.supersedesId,
    reissueReason: facts.reissueReason,
    forcedReason: facts.forcedReason,
    knownAt: facts.knownAt.toISOString(),
    preparedBy: facts.preparedBy,
    rulebook,
    readiness: facts.readiness,
    valuePerPod: facts.valuePerPod,
    frozen: await digestFrozenRows(db, statementId),
    // Only where there are any, so that a period without notes or platform pods has the document it always had.
    ...(notes.length === 0 ? {} : { notes }),
    ...(enabling.length === 0 ? {} : { enabling }),
  };
}

/** Attributed cost by source and provider, in the reporting currency and cost metric. */
async function readCoverage(db: Kysely<DB>, period: Period, at: Date): Promise<object[]> {
  const asked = { period: period.id, at, by: ['source', 'provider'], asNow: true };
  const { asNow: whole } = await costs(db, asked);
  const { asNow: unattributed } = await costs(db, { ...asked, where: ['pod='] });
  assert.ok(whole !== undefined && unattributed !== undefined, 'what is now known was asked for');
  const metric = await readMetric(db);
  const keyOf = (row: { readonly [name: string]: string | null }) => JSON.stringify([row['source'], row['provider']]);
  const without = new Map(unattributed.rows.map((row) => [keyOf(row), row[metric]]));
  return whole.rows.map((row) => {
    const cost = row[metric];
    const attributed: Decimal = subtract(cost, without.get(keyOf(row)) ?? ZERO);
    return {
      source: row['source'] ?? null,
      provider: row['provider'] ?? null,
      cost,
      attributed,
      share: isZero(cost) ? null : ratio(attributed, cost),
    };
  });
}

async function readMetric(db: Kysely<DB>) {
  const { cost_metric: metric } = await db.selectFrom('organisation').select('cost_metric').executeTakeFirstOrThrow();
  const names = {
    BilledCost: 'billedCost',
    EffectiveCost: 'effectiveCost',
    ListCost: 'listCost',
    ContractedCost: 'contractedCost',
  } as const;
  return Object.entries(names).find(([name]) => name === metric)?.[1] ?? 'effectiveCost';
}

/** Those of its figures; the ones to other currencies are in the digest of the frozen rows only. */
async function readRates(db: Kysely<DB>, { statementId, valuePerPod }: DocumentFacts): Promise<unknown[]> {
  const { rows } = await sql`
    select from_currency as "from", to_currency as "to", on_date as "on", trim_scale(rate) as rate
    from statement_rate where statement_id = ${statementId} and to_currency = ${valuePerPod.currency} order by from_currency collate "C", to_currency collate "C", on_date
  `.execute(db);
  return rows;
}

async function readAdjustedMonths(db: Kysely<DB>, statementId: number): Promise<object[]> {
  const { rows } = await sql<{ adjusted: number; causes: string }>`
    select adjusted_statement_id as adjusted, causes from statement_adjusted_month
    where statement_id = ${statementId} order by adjusted_statement_id
  `.execute(db);
  return rows.map(({ adjusted, causes }) => ({
    adjustedStatementId: String(adjusted),
    causes: JSON.parse(causes) as object,
  }));
}

/** The loads a month was closed with, as its document lists them. */
export async function readLoads(db: Kysely<DB>, statementId: number): Promise<unknown[]> {
  const { rows } = await sql`
    select load.id::text as "loadId", source_id as "sourceId", ${billingPeriodSql('load')} as "billingPeriod",
      manifest_digest as "manifestDigest",
      coalesce((select json_agg(json_build_object('name', name, 'sha256', sha256) order by ordinal)
        from load_file where load_file.load_id = load.id), '[]') as files
    from statement_load join load on load.id = statement_load.load_id where statement_id = ${statementId} order by load.id
  `.execute(db);
  return rows;
}
