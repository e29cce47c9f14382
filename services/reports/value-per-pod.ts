/**
 * The report the product exists for: what each pod's cloud cost returned. Cost and value are of the same days and currency; only
 * verified value enters a return; what belongs to no pod stands on its own. Useful before any outcome or organisation exists. A closed
 * period answers as its statement froze it.
 */
import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { isOneOf, PREPARED } from '../../db/prepared.ts';
import type { DB } from '../../db/schema.gen.ts';
import { ZERO } from '../kernel/decimal.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { DateRange } from '../periods/closed-months.ts';
import { frozenEnvelopes, frozenValuePerPod } from '../periods/frozen-value.ts';
import {
  keptAdjustmentsQuery,
  type PodAdjustments,
  readKeptAdjustments,
  readPodAdjustments,
} from '../periods/pod-adjustments.ts';
import {
  composeValuePerPod,
  NO_ADJUSTMENTS,
  NOTHING_UNATTRIBUTED,
  type ValueHeading,
  type ValuePerPod,
} from './compose-value.ts';
import { podCostQuery, readCosts, requireCostRates } from './pod-costs.ts';
import { cutToKeep, spansByMonth, spansOfOutcomes, type ValueSpans } from './month-values.ts';
import { chooseEnvelopes, type EnvelopeRow, podEnvelopeQuery } from './pod-envelopes.ts';
import { heldAtEnd, holdingsOf } from './pod-holdings.ts';
import { checkPodScope, type PodScope, type Predecessor, readPredecessors } from './pod-scope.ts';
import { collectValues, openValueDays, recognisedValueQuery } from './pod-values.ts';
import { assertWhole, handOnAdjustments, toRow } from './value-rows.ts';
import { addValueDetail } from './value-detail.ts';
import type { HeldPod, ReportFacts } from './report-facts.ts';
import {
  type AsNowRequest,
  asNowKnown,
  frameOf,
  openDays,
  type ReportFrame,
  type ReportRequest,
  reachOf,
  readReportFrame,
  reportPeriod,
  stateOf,
} from './report-frame.ts';

/** What the database adds up for a report, in one statement: one round trip and one snapshot. */
interface ValueParts {
  /** The counter of the figures that they are of; null where sums that they read are not kept any more. */
  readonly figuresVersion: string | null;
  /** For `readCosts`. */
  readonly costs: string;
  /** For `collectValues`. */
  readonly values: string;
  /** For `readKeptAdjustments`; null where they are not asked for, or not kept. */
  readonly adjustments: string | null;
  readonly envelopes: readonly EnvelopeRow[];
}

export interface DetailRequest {
  /** Whether the report says what its figures are made of, and what lies before its window. */
  readonly detail?: boolean;
}

/** Whether sums by month may be read: by whoever sees all outcomes as they are stored now, in one snapshot. */
interface ByMonth {
  readonly isByMonth?: boolean;
}

function isOfWholePods({ portfolio, withPredecessors }: PodScope): boolean {
  return portfolio === undefined && withPredecessors !== true;
}

/**
 * The report of a period. Reads only; `prepareConversions` is called before it where currencies may differ.
 * @throws AppError invalid_period, invalid_input (metric, currency, scope), forbidden, not_found (portfolio), missing_exchange_rate.
 */
export async function valuePerPod(
  db: Kysely<DB>,
  request: ReportRequest & AsNowRequest & PodScope & DetailRequest & ByMonth,
): Promise<ValuePerPod> {
  await checkPodScope(db, request);
  const frame = await readReportFrame(db, request);
  const { statement } = frame;
  const isAsStated = statement?.currency === frame.currency && statement.costMetric === frame.costMetric;
  // The statement froze whole pods; what a portfolio had of them, and what was handed on, is put together from the days it froze.
  const summed =
    statement !== null && isAsStated && isOfWholePods(request)
      ? await frozenValuePerPod(db, statement.statementId)
      : await buildValuePerPod(db, { ...request, frame, adjustments: await readPodAdjustments(db, frame) });
  const { at, detail } = request;
  const report = detail === true ? await addValueDetail(db, { report: summed, frame, scope: request, at }) : summed;
  if (request.asNow !== true) return report;
  const now = { ...request, frame: await asNowKnown(db, frame), adjustments: new Map() };
  return { ...report, asNow: await buildValuePerPod(db, now) };
}

export interface ValueAtOnce {
  /**
   * Null where it takes more than one statement (a period with a statement of its own, closed months or adjustments without sums, portfolios,
   * successions), or where the facts are out of date.
   */
  readonly report: ValuePerPod | null;
  /** The facts are no longer those of the figures. */
  readonly isStale: boolean;
  /** Where the sums of a month before this day would spare reading outcomes one by one. */
  readonly cutToKeep: IsoDate | null;
}

/**
 * The report of a period, by one statement, from facts that were read before; what that gives is of one snapshot without a transaction.
 * @param asked.statements those of the same facts.
 * @throws as `valuePerPod`.
 */
export async function valuePerPodAtOnce(
  db: Kysely<DB>,
  facts: ReportFacts,
  asked: {
    request: ReportRequest & AsNowRequest & PodScope & DetailRequest;
    statements: ValueStatements;
    execute: <Row>(statement: CompiledQuery<Row>) => Promise<readonly Row[]>;
  },
): Promise<ValueAtOnce> {
  const { asNow, detail } = asked.request;
  const nothing = { report: null, isStale: false, cutToKeep: null };
  if (asNow === true || detail === true || !isOfWholePods(asked.request)) return nothing;
  const frame = frameOf(facts, asked.request);
  const cut = cutToKeep(frame);
  if (frame.closed.length > 0 && !isSummed(frame)) return { ...nothing, cutToKeep: cut };
  const [parts] = await asked.execute(statementOf(db, frame, asked.statements));
  if (parts?.figuresVersion !== facts.figures_version) return { ...nothing, isStale: true };
  const adjustments = parts.adjustments === null ? null : readKeptAdjustments(parts.adjustments);
  if (adjustments === null) return { ...nothing, cutToKeep: cut };
  const report = await putTogether(db, {
    frame,
    open: openDays(frame),
    parts,
    held: heldAtEnd(frame),
    adjustments,
    predecessors: undefined,
  });
  return { report, isStale: false, cutToKeep: cut };
}

/** Whether the closed months at the beginning of the window are added up; one that ends with a closed day tells of pods what they held then. */
function isSummed(frame: ReportFrame): boolean {
  return spansByMonth(frame).stated.length > 0 && (frame.closed.at(-1)?.end ?? '') < frame.windowEnd;
}

/**
 * The report from its parts: what `valuePerPod` gives for an open or mixed period, and what a statement freezes.
 * @throws AppError not_found (portfolio), missing_exchange_rate.
 */
export async function buildValuePerPod(
  db: Kysely<DB>,
  given: PodScope & ByMonth & { frame: ReportFrame; adjustments: PodAdjustments },
): Promise<ValuePerPod> {
  const { frame, portfolio } = given;
  const held = await holdingsOf(db, frame, portfolio);
  const open = await openValueDays(db, frame, given);
  const isByMonth = given.isByMonth === true && isOfWholePods(given);
  const parts = await readParts(db, partsQuery(frame, given, isByMonth ? spansByMonth(frame) : spansOfOutcomes(open)));
  const predecessors = given.withPredecessors === true ? await readPredecessors(db) : undefined;
  return putTogether(db, { ...given, held, open, parts, predecessors });
}

interface Gathered extends PodScope {
  readonly frame: ReportFrame;
  readonly adjustments: PodAdjustments;
  readonly held: readonly HeldPod[];
  /** The ranges of the window that are not closed. */
  readonly open: readonly DateRange[];
  readonly parts: ValueParts;
  readonly predecessors: ReadonlyMap<string, readonly Predecessor[]> | undefined;
}

async function putTogether(db: Kysely<DB>, gathered: Gathered): Promise<ValuePerPod> {
  const { frame, portfolio, parts, predecessors, held } = gathered;
  const costs = readCosts(parts.costs);
  await requireCostRates(db, frame, { scope: gathered, costs });
  const values = await collectValues(db, frame, { open: gathered.open, text: parts.values });
  const adjustments = handOnAdjustments(gathered.adjustments, predecessors);
  const envelopes =
    frame.statement === null
      ? chooseEnvelopes(parts.envelopes, frame.period)
      : await frozenEnvelopes(db, frame.statement.statementId);
  const costed = [...costs.byPod.keys(), ...adjustments.keys()].filter((id) => id !== null);
  const ids = new Set([...costed, ...values.byPod.keys(), ...envelopes.keys()]);
  const known = new Map(held.map((pod) => [pod.id, pod]));
  const rows = [...ids]
    .filter((id) => portfolio === undefined || known.has(id))
    .sort((left, right) => (left < right ? -1 : 1))
    .map((id) =>
      toRow(id, known.get(id), {
        cost: costs.byPod.get(id),
        value: values.byPod.get(id),
        envelope: envelopes.get(id),
        adjustment: adjustments.get(id),
        predecessors: predecessors === undefined ? undefined : (predecessors.get(id) ?? []),
      }),
    );
  const unattributed = {
    cost: costs.byPod.get(null)?.total ?? ZERO,
    verified: values.unattributed.verified,
    claimed: values.unattributed.claimed,
    adjustments: adjustments.get(null) ?? NO_ADJUSTMENTS,
  };
  const isWhole = portfolio === undefined;
  if (isWhole) assertWhole(rows, unattributed, values);
  const report = composeValuePerPod(headingOf(frame), {
    portfolio,
    rows,
    unattributed: isWhole ? unattributed : NOTHING_UNATTRIBUTED,
  });
  return predecessors === undefined ? report : { ...report, withPredecessors: true };
}

function headingOf(frame: ReportFrame): ValueHeading {
  return {
    period: reportPeriod(frame),
    currency: frame.currency,
    costMetric: frame.costMetric,
    revenueBasis: frame.revenueBasis,
    state: stateOf(frame),
    statementId: frame.statement === null ? null : String(frame.statement.statementId),
    dataAsOf: reachOf(frame),
    rulebook: frame.rulebook,
  };
}

function partsQuery(
  frame: ReportFrame,
  scope: PodScope,
  spans: ValueSpans,
  adjustments: RawBuilder<string | null> = sql<null>`null`,
): RawBuilder<ValueParts> {
  const list = (rows: RawBuilder<unknown>) => sql`(select coalesce(json_agg(part), '[]') from (${rows}) as part)`;
  const kept = sql`select count(*) from value_cut where ${isOneOf('cut_on', spans.cuts)}`;
  const isKept =
    spans.cuts.length === 0
      ? sql`figures_version::text`
      : sql`case when (${kept}) = ${spans.cuts.length} then figures_version::text end`;
  return sql<ValueParts>`${PREPARED}
    select ${isKept} as "figuresVersion", ${podCostQuery(frame, scope, spans)} as costs,
      ${recognisedValueQuery(frame, scope, spans)} as values, ${adjustments} as adjustments,
      ${frame.statement === null ? list(podEnvelopeQuery(frame.period)) : sql`'[]'::json`} as envelopes
    from organisation`;
}

/** Statements already put together, by what they ask of the facts. */
export type ValueStatements = Map<string, CompiledQuery<ValueParts>>;

const STATEMENTS_MAX = 100;

/** The same is asked again and again at other instants, and putting its statement together takes a tenth of the process's time. */
function statementOf(db: Kysely<DB>, frame: ReportFrame, statements: ValueStatements): CompiledQuery<ValueParts> {
  const { period, windowEnd, currency, costMetric, openMonths } = frame;
  const key = [period.start, period.end, windowEnd, currency, costMetric, ...openMonths].join(' ');
  const known = statements.get(key);
  if (known !== undefined) return known;
  const statement = partsQuery(frame, {}, spansByMonth(frame), keptAdjustmentsQuery(frame)).compile(db);
  if (statements.size < STATEMENTS_MAX) statements.set(key, statement);
  return statement;
}

async function readParts(db: Kysely<DB>, query: RawBuilder<ValueParts>): Promise<ValueParts> {
  const [parts] = (await query.execute(db)).rows;
  if (parts === undefined) throw new Error('the organisation has its row');
  return parts;
}
