/** Puts the CIO's quarter together from its value report, those before it, and what has stood beside them since. Reads only. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { readPrecision } from '../alerts/precision.ts';
import { readDriftEpisodes } from '../drift/drift-episodes.ts';
import { readEnabling } from '../enabling/enabling-report.ts';
import { daysBetween, type Period, utcDate } from '../kernel/period.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import { readReportFacts } from '../reports/report-facts.ts';
import type { ReportFrame } from '../reports/report-frame.ts';
import { addValueDetail } from '../reports/value-detail.ts';
import { readAllOutcomes } from '../reports/window-outcomes.ts';
import { readComments } from './comments.ts';
import { type Bridge, fixRates } from './bridge.ts';
import { costBridge } from './cost-bridge.ts';
import { readCurrencyTotals } from './currency-totals.ts';
import { readDecisions } from './decisions.ts';
import { approvedOf, podsWithoutEnvelope, readScopeEnvelopes } from './envelopes.ts';
import { methodOf } from './method.ts';
import { readMovers } from './movers.ts';
import { type FormerQuarter, isEmpty, type Quarter, readFormerQuarters, yearAgoOf } from './quarter.ts';
import { bestPods, compareWith, figuresOf, throughOf, unexplainedPods, withoutVerifiedOutcome } from './scorecard.ts';
import type { CloudReturn } from './shape.ts';
import { readSinceStart } from './since-start.ts';
import { readUnattributed } from './unattributed.ts';
import { readUnitCosts } from './unit-costs.ts';
import { valueBridge } from './value-bridge.ts';
import { headlineOf } from './headline.ts';

/**
 * The report of a quarter whose value report is at hand. `before`: the periods of the trend before it, the nearest first.
 * @throws AssertionError where a sum does not hold.
 */
export async function composeCloudReturn(
  db: Kysely<DB>,
  given: { quarter: Quarter; before: readonly Period[]; at: Date },
): Promise<CloudReturn> {
  const { at } = given;
  const { frame } = given.quarter;
  const report = await addValueDetail(db, { report: given.quarter.report, frame, scope: {}, at });
  const quarter = { frame, report };
  const former = await readFormerQuarters(db, { quarter, periods: given.before, at });
  const last = former[0]?.compared ?? null;
  const bridges = {
    costBridge: named(last === null ? null : await costBridge(db, last, quarter), former[0]),
    valueBridge: named(last === null ? null : await valueBridge(db, last, quarter), former[0]),
  };
  const rates = fixRates(
    last === null ? [] : await readCurrencyTotals(db, last.frame),
    await readCurrencyTotals(db, frame),
  );
  const scopes = await readScopeEnvelopes(db, frame.period, at);
  const best = bestPods(report);
  const unexplained = unexplainedPods(report);
  const head = await readHead(db, quarter, at);
  const body: Omit<CloudReturn, keyof typeof head | 'headline'> = {
    summary: {
      figures: figuresOf(report),
      approved: approvedOf(report, scopes),
      sinceStart: await readSinceStart(db, quarter, at),
      lastQuarter: compareWith(report, former[0]),
      yearAgo: compareWith(report, yearAgoOf(former)),
      withoutVerifiedOutcome: withoutVerifiedOutcome(report),
      best,
      unexplained,
      decisions: isEmpty(report) ? [] : await readDecisions(db, at),
      comments: await readComments(db, {
        period: frame.period,
        podIds: [...best, ...unexplained].map(({ podId }) => podId),
      }),
    },
    scorecard: [report, ...reportsOf(former)].map(figuresOf),
    ...bridges,
    adjustments: report.total.adjustments,
    outcomes: await readAllOutcomes(db, frame, { at }),
    retractions: report.retractions ?? [],
    envelopes: { scopes, podsWithout: podsWithoutEnvelope(report) },
    pods: report.pods,
    enabling: await readEnabling(db, frame.period),
    unitCosts: await readUnitCosts(db, trendOf(quarter, former)),
    movers: last === null ? null : await readMovers(db, { before: last, after: quarter, rates }),
    unattributed: await readUnattributed(db, { quarter, rates }),
    drift: await readDriftEpisodes(db, frame.period),
    alerts: await readPrecision(db, frame.period),
    method: methodOf(report, { former, ...bridges }),
  };
  return { ...head, headline: headlineOf({ ...head, ...body }), ...body };
}

/** A bridge by the quarter it leads from, where its opening is of a part of it. */
function named<Step extends string>(
  bridge: Bridge<Step> | null,
  former: FormerQuarter | undefined,
): Bridge<Step> | null {
  if (bridge === null || former === undefined) return bridge;
  const through = throughOf(former);
  return { ...bridge, from: former.period.id, ...(through === null ? {} : { through }) };
}

async function readHead(db: Kysely<DB>, { report, frame }: Quarter, at: Date) {
  const { name } = await db.selectFrom('organisation').select('name').executeTakeFirstOrThrow();
  const { period, currency, costMetric, revenueBasis, state, statementId, dataAsOf, rulebook } = report;
  return {
    organisation: name,
    quarter: period,
    days: { counted: daysBetween(period.start, frame.windowEnd), all: daysBetween(period.start, period.end) },
    currency,
    costMetric,
    revenueBasis,
    state,
    statementId,
    madeOn: utcDate(at),
    dataAsOf,
    rulebook,
    billingOpenUntil: state === 'closed' ? null : await readOpenUntil(db, frame),
  };
}

/** When the last of the quarter's months that are estimates settles. */
async function readOpenUntil(db: Kysely<DB>, { openMonths }: ReportFrame): Promise<string | null> {
  const { estimates } = await readReportFacts(db);
  const instants = estimates.filter(({ month }) => openMonths.includes(month)).map(({ settlesAt }) => settlesAt);
  return instants.sort().at(-1) ?? null;
}

function reportsOf(former: readonly FormerQuarter[]): ValuePerPod[] {
  return former.flatMap(({ quarter }) => (quarter === null ? [] : [quarter.report]));
}

/** The oldest first. */
function trendOf(quarter: Quarter, former: readonly FormerQuarter[]): { period: Period; report: ValuePerPod }[] {
  const quarters = [quarter, ...former.flatMap((one) => one.quarter ?? [])];
  return quarters.map(({ frame: { period }, report }) => ({ period, report })).reverse();
}
