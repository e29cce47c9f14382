/**
 * Why a cell of a report is what it is: the cost of a pod, of nobody or of everybody in a period, narrowed by any of the explorer's
 * filters. By rule, by the origins that weigh most, with rates, loads, files and sample lines; and, where nothing narrows it, the outcomes
 * of its value. Of shared cost a pod carries a share, with the weights it is worked out from, and the origins shown are those of the
 * whole. Closed days are as their statements froze them, unless they are asked for as now known.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { LoadView } from '../billing/describe-load.ts';
import type { ArchivedLine } from '../billing/read-lines.ts';
import { isZero, ratio, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type IsoDate, monthOf } from '../kernel/period.ts';
import { type CostFilter, parseFilters } from '../reports/cost-filters.ts';
import { asNowKnown, type ReportFrame, type ReportState, readReportFrame, stateOf } from '../reports/report-frame.ts';
import { METRIC_COLUMN } from './check-conservation.ts';
import { type CellPod, type CellRule, readCellSums, readFirstShares } from './explain-cell.ts';
import { type CellOrigin, readCellOrigins } from './explain-origins.ts';
import { type Cell, type CellPart, readCellParts, readCutMonths } from './explain-scope.ts';
import { describeSources, type ExplainedRate, type LinesQuery, readRates, sampleLines } from './explain-sources.ts';
import { type ExplainedValue, readCellValue } from './explain-value.ts';
import { readRankingRates } from './ranking-rates.ts';
import type { CostMetric, Rule, RulebookContent } from './rulebook.ts';
import { readSplitWeights } from './split-weights.ts';
import { currentRulebook, readRulebook } from './store-rulebook.ts';

export interface CellRequest {
  /** Absent: all pods and the unattributed together. Null: the unattributed. */
  readonly podId?: string | null;
  /** A period's name. */
  readonly period: string;
  /** The cost explorer's filters. */
  readonly where?: readonly string[];
  /** The period is one of billing periods, whatever the charge dates: what reconciliation, bridge and invoices go by. As now known. */
  readonly isBilled?: boolean;
  /** Closed days as now known, in place of what their statements say. */
  readonly asNow?: boolean;
}

export interface ExplainedRule extends Omit<CellRule, 'part' | 'whole'> {
  /** Null: no rule matched. */
  readonly rule: Rule | null;
  /** The cell's part of the rule's whole in the reporting metric, to 4 decimals; null for direct cost or a whole of zero. */
  readonly share: string | null;
  /** How a share is worked out, on the first open charge date of the cell; null for direct cost, and on closed days: no statement keeps weights. */
  readonly split: ExplainedSplit | null;
}

export interface ExplainedSplit {
  readonly method: string;
  /** What the weights count: a unit, a cost metric, or null where they are plain weights. */
  readonly measure: string | null;
  readonly per: 'day' | 'month' | null;
  readonly onDate: IsoDate;
  /** The share of each amount is the weight ÷ the sum; over all pods the weight is the sum. */
  readonly weight: string;
  readonly sum: string;
  readonly podCount: number;
}

export interface ExplainedOrigin extends CellOrigin {
  /** As of its rule: the money here is the whole origin's. */
  readonly share: string | null;
}

export interface PodExplanation {
  /** `total`: over all pods and the unattributed. */
  readonly subject: 'pod' | 'total';
  readonly podId: string | null;
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate };
  /** Whether its days are open, closed, or some of each; and the statements of the closed ones. */
  readonly state: ReportState;
  readonly closed: readonly { readonly periodId: string; readonly statementId: number; readonly rulebook: number }[];
  /** Of the open days; of a closed period that of its last statement. */
  readonly rulebook: number;
  readonly reportingCurrency: string;
  readonly costMetric: CostMetric;
  readonly where: readonly string[];
  /** They add up to the cell. */
  readonly rules: readonly ExplainedRule[];
  /** Of a total: the same by pod. Empty for a pod. */
  readonly pods: readonly CellPod[];
  /** What is recognised for the pod, through the last complete day; empty where filters narrow the cell. */
  readonly value: readonly ExplainedValue[];
  /** The origins of the greatest amounts in the reporting metric, either sign. */
  readonly origins: readonly ExplainedOrigin[];
  readonly rates: readonly ExplainedRate[];
  readonly loads: readonly LoadView[];
  readonly lines: readonly ArchivedLine[];
  /** Why no lines are shown, where the archive could not be read. */
  readonly linesNote: string | null;
}

const ORIGINS_WITH_LINES = 3;

/**
 * Explains a cell.
 * @throws AppError not_found for a pod that neither the rulebook nor a figure knows; invalid_period; invalid_input for a filter.
 */
export async function explainPod(
  db: Kysely<DB>,
  request: CellRequest,
  query: LinesQuery & { readonly at: Date },
): Promise<PodExplanation> {
  const { podId, period: periodName, where = [], isBilled = false, asNow = false } = request;
  const filters = parseFilters(where);
  if (podId !== undefined) await refuseUnknownPod(db, podId);
  const closable = await readReportFrame(db, { period: periodName, at: query.at });
  const frame = asNow || isBilled ? await asNowKnown(db, closable) : closable;
  const cell = await readCell(db, { frame, filters, owner: podId === undefined ? 'everybody' : { podId }, isBilled });
  const { rules: found, pods, charged } = await readCellSums(db, cell);
  const current = (await currentRulebook(db)).id;
  const shares = found.some(({ kind }) => kind === 'shared') ? await readFirstShares(db, cell) : [];
  const rules: ExplainedRule[] = [];
  for (const { part, whole, ...row } of found) {
    const isFirst = (one: (typeof shares)[number]) =>
      one.ruleId === row.ruleId && one.billingCurrency === row.billingCurrency;
    const first = row.rulebook === current ? shares.find(isFirst) : undefined;
    rules.push({
      ...row,
      rule: cell.rulebooks.get(row.rulebook)?.rules.find((rule) => rule.id === row.ruleId) ?? null,
      share: row.kind === 'direct' || isZero(whole) ? null : ratio(part, whole),
      split: first === undefined || row.kind === 'direct' ? null : await readSplit(db, cell, first),
    });
  }
  const origins = await readCellOrigins(db, cell, rules);
  return {
    subject: podId === undefined ? 'total' : 'pod',
    podId: podId ?? null,
    period: { id: frame.period.id, start: frame.period.start, end: frame.period.end },
    state: stateOf(frame),
    closed: frame.closed.map(({ periodId, statementId, rulebookId }) => ({
      periodId,
      statementId,
      rulebook: rulebookId,
    })),
    rulebook: frame.rulebook,
    reportingCurrency: frame.currency,
    costMetric: frame.costMetric,
    where,
    rules,
    pods,
    value: filters.length > 0 || isBilled ? [] : await readCellValue(db, frame, cell.owner),
    origins: origins.map(({ origin }) => ({
      ...origin,
      share: rules.find((rule) => isOfRule(origin, rule))?.share ?? null,
    })),
    rates: await readRates(
      db,
      charged.flatMap(({ date, ...one }) => (date === null ? [] : [{ ...one, date }])),
    ),
    loads: await describeSources(db, [...new Set(charged.map((one) => one.loadId))]),
    ...(await sampleLines(
      db,
      origins.slice(0, ORIGINS_WITH_LINES).map(({ origin: { originId, loadId }, dates }) => ({
        originId,
        loadId,
        ...(dates === null ? {} : { dates }),
      })),
      query,
    )),
  };
}

async function readCell(
  db: Kysely<DB>,
  asked: { frame: ReportFrame; filters: readonly CostFilter[]; owner: Cell['owner']; isBilled: boolean },
): Promise<Cell> {
  const { frame, filters, owner, isBilled } = asked;
  const current = await currentRulebook(db);
  const { closed } = frame;
  const parts = isBilled
    ? await readBilledParts(db, { frame, filters, rulebookId: current.id })
    : await readCellParts(db, { period: frame.period, filters, rulebookId: current.id, closed });
  const rulebooks = new Map<number, RulebookContent>([[current.id, current.content]]);
  for (const { rulebookId } of parts) {
    if (!rulebooks.has(rulebookId)) rulebooks.set(rulebookId, (await readRulebook(db, rulebookId)).content);
  }
  const days = parts.flatMap((part) => part.days);
  const period = {
    ...frame.period,
    ...(isBilled && days[0] !== undefined ? days[0] : {}),
  };
  return {
    owner,
    period,
    parts,
    rulebooks,
    metric: METRIC_COLUMN[frame.costMetric],
    reportingCurrency: frame.currency,
    rates: await readRankingRates(db, { parts, period, to: frame.currency }),
    filters,
    cutMonths: await readCutMonths(db, { period, filters }),
  };
}

/** The current loads whose billing period lies in the period, with all months that they charge. */
async function readBilledParts(
  db: Kysely<DB>,
  asked: { frame: ReportFrame; filters: readonly CostFilter[]; rulebookId: number },
): Promise<CellPart[]> {
  const { frame, filters, rulebookId } = asked;
  const { rows } = await sql<{ ids: string[]; first: IsoDate | null; last: IsoDate | null }>`
    select coalesce(array_agg(distinct load.id::text), '{}') as ids, min(charge_month) as first, max(charge_month) as last
    from load join load_origin on load_id = load.id
    where state = 'published' and billing_period_start >= ${frame.period.start}::date and billing_period_end <= ${frame.period.end}::date
  `.execute(db);
  const [billed] = rows;
  if (billed === undefined || billed.first === null || billed.last === null) return [];
  const period = { ...frame.period, start: billed.first, end: monthOf(billed.last).end };
  const parts = await readCellParts(db, { period, filters, rulebookId, closed: [] });
  return parts.map((part) => ({ ...part, loadIds: part.loadIds.filter((id) => billed.ids.includes(id)) }));
}

async function refuseUnknownPod(db: Kysely<DB>, podId: string | null): Promise<void> {
  if (podId === null) return;
  const { rows } = await sql<{ isKnown: boolean }>`
    select exists (select from pod where id = ${podId}) or exists (select from pod_day where pod_id = ${podId})
      or exists (select from organisation join rulebook on rulebook.id = rulebook_id
        where content -> 'pods' @> jsonb_build_array(jsonb_build_object('id', ${podId}::text))) as "isKnown"`.execute(
    db,
  );
  if (rows[0]?.isKnown === true) return;
  throw new AppError('not_found', `There is no pod "${podId}". The organisation file lists the pods by id.`);
}

/** The weights by which a rule is split on a date. */
async function readSplit(
  db: Kysely<DB>,
  { owner }: Cell,
  first: { ruleId: string; date: IsoDate; billingCurrency: string },
): Promise<ExplainedSplit> {
  const { ruleId, date: onDate, billingCurrency: currency } = first;
  const { method, measure, per, pods, sum } = await readSplitWeights(db, { ruleId, date: onDate, currency });
  const weight = owner === 'everybody' ? sum : (pods.find((pod) => pod.podId === owner.podId)?.weight ?? ZERO);
  return { method, measure, per, onDate, weight, sum, podCount: pods.length };
}

function isOfRule(
  origin: { rulebook: number; ruleId: string | null; kind: string; billingCurrency: string },
  rule: { rulebook: number; ruleId: string | null; kind: string; billingCurrency: string },
): boolean {
  return (
    origin.rulebook === rule.rulebook &&
    origin.ruleId === rule.ruleId &&
    origin.kind === rule.kind &&
    origin.billingCurrency === rule.billingCurrency
  );
}
