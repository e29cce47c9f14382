/**
 * Keeps the envelopes that activations give in step: made from the activation on, up to the period after the current one, and
 * extended as time goes by. What a pattern says now holds for periods that are not over; an envelope of the file's own beats it,
 * and so does a version granted in the product.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { type Decimal, decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { type FiscalCalendar, type IsoDate, utcDate } from '../kernel/period.ts';
import { type Principal, systemPrincipal } from '../kernel/ports.ts';
import {
  appendVersions,
  type EnvelopeKey,
  keyOf,
  readStoredEnvelopes,
  type StoredEnvelope,
  type VersionDraft,
  withdrawEnvelopes,
} from './envelope-versions.ts';
import { horizon, type PatternActivation, patternPeriods } from './pattern-periods.ts';

/** The rungs of every envelope that names none. */
export const DEFAULT_RUNGS: readonly Decimal[] = ['0.8', '1', '1.5', '2'].map(decimal);

/** Patterns always count what their pod controls. */
const PATTERN_COUNTS = 'controlled';

export interface EnvelopeChange {
  readonly envelopeId: string;
  readonly key: EnvelopeKey;
  readonly periodId: string;
  readonly kind: 'created' | 'changed' | 'withdrawn';
  readonly limit: Decimal;
  readonly currency: string;
  /** Null for a new envelope. */
  readonly formerLimit: Decimal | null;
}

/** Makes the next periods' envelopes where time has come; a single cheap look where it has not. */
export async function extendPatternEnvelopes(trx: Transaction<DB>, at: Date): Promise<void> {
  const { rows } = await sql`
    select 1 from activation where removed_at is null and extend_on <= ${utcDate(at)}::date limit 1
  `.execute(trx);
  if (rows.length > 0) await syncPatternEnvelopes(trx, { at, principal: systemPrincipal });
}

/**
 * Brings the pattern envelopes of all pods to what the activations say.
 * @throws AppError invalid_organisation where patterns of one pod for one kind of period differ in currency.
 */
export async function syncPatternEnvelopes(
  trx: Transaction<DB>,
  options: { at: Date; principal: Principal },
): Promise<EnvelopeChange[]> {
  const today = utcDate(options.at);
  const settings = await readSettings(trx);
  const stored = await readStoredEnvelopes(trx);
  const drafts = draftPatternEnvelopes(await readActivations(trx), stored, { today, ...settings });
  const wanted = new Set(drafts.map(keyOf));
  const changed = drafts.filter((draft) => isDue(draft, stored.get(keyOf(draft)), today));
  const gone = [...stored.values()].filter((envelope) => !wanted.has(keyOf(envelope)) && isGone(envelope, today));

  const written = await appendVersions(trx, changed, { ...options, method: 'asserted' });
  await withdrawEnvelopes(
    trx,
    gone.map((envelope) => envelope.envelopeId),
    options.at,
  );
  await scheduleExtension(trx, today, settings.calendar);
  const changes = [
    ...written.map(({ draft, envelopeId }) => changeOf(draft, envelopeId, stored.get(keyOf(draft)))),
    ...gone.map(withdrawalOf),
  ];
  await auditByPod(trx, changes, options);
  return changes;
}

/** The change that a written draft makes, beside what stood before. */
export function changeOf(draft: VersionDraft, envelopeId: string, before: StoredEnvelope | undefined): EnvelopeChange {
  const { scope, start, end, counts } = draft;
  return {
    envelopeId,
    key: { scope, start, end, counts },
    periodId: draft.periodId,
    kind: before === undefined || before.isWithdrawn ? 'created' : 'changed',
    limit: draft.content.limit,
    currency: draft.content.currency,
    formerLimit: before === undefined || before.isWithdrawn ? null : before.newest.limit,
  };
}

/** The change of taking an envelope back. */
export function withdrawalOf(envelope: StoredEnvelope): EnvelopeChange {
  const { scope, start, end, counts, newest } = envelope;
  return {
    envelopeId: envelope.envelopeId,
    key: { scope, start, end, counts },
    periodId: envelope.periodId,
    kind: 'withdrawn',
    limit: newest.limit,
    currency: newest.currency,
    formerLimit: newest.limit,
  };
}

interface ActivationRow {
  pod_id: string;
  pattern_id: string;
  activated_on: IsoDate;
  every: PatternActivation['every'];
  envelope_limit: Decimal;
  currency: string;
  approved_by: string[];
  active_until: IsoDate | null;
}

interface PatternSettings {
  readonly calendar: FiscalCalendar;
  readonly costMetric: CostMetric;
}

function draftPatternEnvelopes(
  rows: readonly ActivationRow[],
  stored: ReadonlyMap<string, StoredEnvelope>,
  options: PatternSettings & { today: IsoDate },
): VersionDraft[] {
  const byPodAndKind = Map.groupBy(rows, (row) => JSON.stringify([row.pod_id, row.every]));
  return [...byPodAndKind.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    refuseMixedCurrencies(group);
    const scope = { kind: 'pod', id: first.pod_id } as const;
    const isTaken = (nominal: { start: IsoDate; end: IsoDate }) =>
      isExplicit(stored.get(keyOf({ scope, start: nominal.start, end: nominal.end, counts: PATTERN_COUNTS })));
    const activations = group.map((row) => ({
      patternId: row.pattern_id,
      activatedOn: row.activated_on,
      every: row.every,
      limit: row.envelope_limit,
    }));
    const { today, calendar, costMetric } = options;
    return patternPeriods(activations, { asOf: today, until: first.active_until, calendar, isTaken }).map((period) => ({
      scope,
      periodId: period.id,
      start: period.start,
      end: period.end,
      counts: PATTERN_COUNTS,
      content: {
        limit: period.limit,
        currency: first.currency,
        costMetric,
        rungs: DEFAULT_RUNGS,
        approvedBy: approversOf(group, period.patternIds),
        approvedOn: period.approvedOn,
        approval: null,
        origin: 'pattern',
        patternIds: period.patternIds,
      },
    }));
  });
}

function refuseMixedCurrencies(group: readonly ActivationRow[]): void {
  const [first] = group;
  const other = group.find((row) => row.currency !== first?.currency);
  if (first === undefined || other === undefined) return;
  throw new AppError(
    'invalid_organisation',
    `The pod ${first.pod_id} is activated from patterns whose envelopes every ${first.every} have different currencies: ` +
      `${first.pattern_id} in ${first.currency}, ${other.pattern_id} in ${other.currency}. They add up to one envelope: give them one currency.`,
  );
}

function approversOf(group: readonly ActivationRow[], patternIds: readonly string[]): string | null {
  const approvers = group.filter((row) => patternIds.includes(row.pattern_id)).flatMap((row) => row.approved_by);
  return approvers.length === 0 ? null : [...new Set(approvers)].join(', ');
}

function isExplicit(envelope: StoredEnvelope | undefined): boolean {
  return envelope !== undefined && !envelope.isWithdrawn && envelope.newest.origin === 'explicit';
}

/** A period that is over keeps what it was approved at; so does one that an approver changed in the product. */
function isDue(draft: VersionDraft, present: StoredEnvelope | undefined, today: IsoDate): boolean {
  if (present === undefined) return true;
  if (present.isWithdrawn) return true;
  if (present.end <= today || present.newest.method === 'granted') return false;
  const { content } = draft;
  return (
    present.newest.limit !== content.limit ||
    present.newest.currency !== content.currency ||
    present.newest.costMetric !== content.costMetric ||
    present.newest.approvedBy !== content.approvedBy ||
    present.newest.approvedOn !== content.approvedOn ||
    present.newest.patternIds.join() !== content.patternIds.join()
  );
}

function isGone(envelope: StoredEnvelope, today: IsoDate): boolean {
  const { newest } = envelope;
  return !envelope.isWithdrawn && newest.origin === 'pattern' && newest.method === 'asserted' && envelope.end > today;
}

async function readSettings(db: Kysely<DB>): Promise<PatternSettings> {
  const { rows } = await sql<{ month: number; named_by: 'start' | 'end'; cost_metric: CostMetric }>`
    select fiscal_year_start_month as month, fiscal_year_named_by as named_by, cost_metric from organisation
  `.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the organisation row is missing');
  return {
    calendar: { fiscalYearStartMonth: row.month, fiscalYearNamedBy: row.named_by },
    costMetric: row.cost_metric,
  };
}

async function readActivations(db: Kysely<DB>): Promise<ActivationRow[]> {
  const { rows } = await sql<ActivationRow>`
    select activation.pod_id, activation.pattern_id, activation.activated_on, pattern.envelope_every as every,
      trim_scale(pattern.envelope_limit) as envelope_limit, pattern.envelope_currency as currency, pattern.approved_by,
      pod.active_until
    from activation
    join pattern on pattern.id = activation.pattern_id
    left join pod on pod.id = activation.pod_id
    where activation.removed_at is null and pattern.envelope_every is not null
    order by activation.pod_id, activation.activated_on, activation.pattern_id
  `.execute(db);
  return rows;
}

/** The next look is due when the last period that was made becomes the current one. */
async function scheduleExtension(trx: Transaction<DB>, today: IsoDate, calendar: FiscalCalendar): Promise<void> {
  const dates = (['month', 'quarter', 'year'] as const).map((every) => horizon(every, today, calendar).start);
  await sql`
    update activation set extend_on = due.extend_on
    from pattern
    join unnest(array['month', 'quarter', 'year'], ${dates}::date[]) as due (every, extend_on) on due.every = pattern.envelope_every
    where pattern.id = activation.pattern_id and activation.removed_at is null
      and activation.extend_on is distinct from due.extend_on
  `.execute(trx);
}

async function auditByPod(
  trx: Transaction<DB>,
  changes: readonly EnvelopeChange[],
  options: { at: Date; principal: Principal },
): Promise<void> {
  for (const [podId, group] of Map.groupBy(changes, (change) => change.key.scope.id ?? '')) {
    await recordAudit(trx, {
      ...options,
      action: 'set-pattern-envelopes',
      subjectKind: 'pod',
      subjectId: podId,
      details: { envelopes: group.map(({ periodId, kind, limit, currency }) => ({ periodId, kind, limit, currency })) },
    });
  }
}
