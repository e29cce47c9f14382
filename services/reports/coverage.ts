/**
 * How much of the bill the rules give to somebody, by provider, account and month, and what would catch the rest: the reasons why it
 * is left over, its biggest origins, and rules to paste. Figures are those now known, by charge date, in one currency.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric, RulebookContent } from '../attribution/rulebook.ts';
import { add, compare, type Decimal, ratio, sum, ZERO } from '../kernel/decimal.ts';
import { readCoverageScope, withBulkReads } from './coverage-cells.ts';
import {
  type AccountSums,
  contentOf,
  type LeftOverKind,
  type LeftOverOrigin,
  type LeftOverReason,
  type MetricSums,
  readCoverageFigures,
  type SmallFacts,
} from './coverage-figures.ts';
import { type SuggestedRule, suggestRules } from './coverage-suggestions.ts';
import {
  type AsNowRequest,
  asNowKnown,
  type ReportFrame,
  type ReportPeriod,
  type ReportRequest,
  type ReportState,
  reachOf,
  readReportFrame,
  reportPeriod,
  statementIdOf,
  stateOf,
} from './report-frame.ts';

export interface Covered {
  readonly attributed: MetricSums;
  readonly unattributed: MetricSums;
  /** Attributed ÷ all, in the report's metric, to 4 decimals; null where all of it is zero. */
  readonly share: string | null;
}

export interface CoverageRow extends Covered {
  readonly provider: string | null;
  readonly billingAccountId: string | null;
  readonly subAccountId: string | null;
  readonly subAccountName: string | null;
  /** YYYY-MM. */
  readonly month: string;
}

export interface Coverage {
  readonly period: ReportPeriod;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly state: ReportState;
  /** The statement of exactly this period; null while it is open, and for closed days without one of their own. */
  readonly statementId: string | null;
  readonly dataAsOf: string | null;
  readonly rulebook: number;
  readonly rows: readonly CoverageRow[];
  readonly byProvider: readonly (Covered & { readonly provider: string | null })[];
  readonly byMonth: readonly (Covered & { readonly month: string })[];
  readonly total: Covered;
  /** Together the unattributed cost. */
  readonly reasons: readonly (LeftOverReason & { readonly reason: string })[];
  /** The biggest, by the report's metric. */
  readonly origins: readonly (LeftOverOrigin & { readonly reason: string })[];
  readonly suggestions: readonly SuggestedRule[];
  /** What is too small and too varied to be looked at for suggestions, which may catch some of it all the same; null where nothing is. */
  readonly notConsidered: SmallFacts | null;
  /** The same as now known, where it was asked for. */
  readonly asNow?: Coverage;
}

const METRIC_NAMES = {
  BilledCost: 'billedCost',
  EffectiveCost: 'effectiveCost',
  ListCost: 'listCost',
  ContractedCost: 'contractedCost',
} as const satisfies Record<CostMetric, keyof MetricSums>;

/**
 * The coverage of a period. Reads only; `prepareConversions` is called before it.
 * @throws AppError invalid_period, invalid_input (metric, currency), missing_exchange_rate.
 */
export async function coverage(db: Kysely<DB>, request: ReportRequest & AsNowRequest): Promise<Coverage> {
  const frame = await readReportFrame(db, request);
  const report = await coverageOf(db, frame);
  return request.asNow === true ? { ...report, asNow: await coverageOf(db, await asNowKnown(db, frame)) } : report;
}

async function coverageOf(db: Kysely<DB>, frame: ReportFrame): Promise<Coverage> {
  const scope = await readCoverageScope(db, frame);
  const contents = scope.parts.map((part) => part.content).reverse();
  const { accounts, ...left } = await withBulkReads(db, (trx) => readCoverageFigures(trx, scope));
  const covered = (sums: readonly AccountSums[]) => coveredOf(sums, frame.costMetric);
  const groupedBy = (keyOf: (sums: AccountSums) => string) => [...Map.groupBy(accounts, keyOf).values()];
  return {
    period: reportPeriod(frame),
    currency: frame.currency,
    costMetric: frame.costMetric,
    state: stateOf(frame),
    statementId: statementIdOf(frame),
    dataAsOf: reachOf(frame),
    rulebook: frame.rulebook,
    rows: groupedBy(accountMonth).flatMap((group) =>
      group.slice(0, 1).map((one) => ({ ...rowHead(one), ...covered(group) })),
    ),
    byProvider: groupedBy((sums) => JSON.stringify(sums.provider)).map((group) => ({
      provider: group[0]?.provider ?? null,
      ...covered(group),
    })),
    byMonth: groupedBy((sums) => sums.month)
      .map((group) => ({ month: group[0]?.month ?? '', ...covered(group) }))
      .sort((left, right) => (left.month < right.month ? -1 : 1)),
    total: covered(accounts),
    reasons: left.reasons.map((one) => ({ ...one, reason: reasonOf(one, contents) })),
    origins: left.origins.map((one) => ({ ...one, reason: reasonOf(one, contents) })),
    suggestions: suggestRules(left, contentOf(scope), frame.period),
    notConsidered: left.smallFacts,
  };
}

function accountMonth({ provider, billingAccountId, subAccountId, month }: AccountSums): string {
  return JSON.stringify([provider, billingAccountId, subAccountId, month]);
}

function rowHead({ provider, billingAccountId, subAccountId, subAccountName, month }: AccountSums) {
  return { provider, billingAccountId, subAccountId, subAccountName, month };
}

function coveredOf(sums: readonly AccountSums[], metric: CostMetric): Covered {
  const attributed = totalOf(sums.filter((one) => one.isAttributed));
  const unattributed = totalOf(sums.filter((one) => !one.isAttributed));
  const part = attributed[METRIC_NAMES[metric]];
  const whole = add(part, unattributed[METRIC_NAMES[metric]]);
  return { attributed, unattributed, share: compare(whole, ZERO) === 0 ? null : ratio(part, whole) };
}

function totalOf(sums: readonly AccountSums[]): MetricSums {
  const total = (metric: keyof MetricSums): Decimal => sum(sums.map(({ costs }) => costs[metric]));
  return {
    billedCost: total('billedCost'),
    effectiveCost: total('effectiveCost'),
    listCost: total('listCost'),
    contractedCost: total('contractedCost'),
  };
}

/** A rule's own words, from the newest of the rulebooks that has it. */
function reasonOf(
  left: { readonly kind: LeftOverKind; readonly ruleId: string | null },
  contents: readonly RulebookContent[],
): string {
  if (left.kind === 'no-rule') return 'no rule matches';
  if (left.kind === 'split') return `nobody can carry the split of rule "${left.ruleId ?? ''}"`;
  const rule = contents.flatMap(({ rules }) => rules).find((one) => one.id === left.ruleId);
  return rule !== undefined && 'unattributed' in rule ? rule.unattributed : `rule "${left.ruleId ?? ''}"`;
}
