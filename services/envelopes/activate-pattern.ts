/**
 * A platform's pipeline activates a pod from a pre-approved pattern: the pod has the pattern's envelope at once, drawn on its portfolio's headroom, and
 * nobody is asked. The same activation again changes nothing. Beyond the headroom it is made all the same, since the pattern's approval covers it,
 * and said.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { daysBetween, type IsoDate, isIsoDate, utcDate } from '../kernel/period.ts';
import { compare, type Decimal, ZERO } from '../kernel/decimal.ts';
import { readStoredEnvelopes } from './envelope-versions.ts';
import { evaluateEnvelopes } from './evaluate-envelopes.ts';
import { type Deciding, lockApprovals } from './grant-version.ts';
import { type Headroom, listHeadrooms } from './headroom.ts';
import { syncPatternEnvelopes } from './pattern-envelopes.ts';

/** An activation in the product stays, with an envelope for every period since: a slip of the pen in the year would make hundreds. */
const AWAY_DAYS_MAX = 366;

export interface ActivationOutcome {
  readonly podId: string;
  readonly patternId: string;
  readonly activatedOn: IsoDate;
  readonly change: 'created' | 'unchanged';
  /** The envelopes that it gives the pod or adds to, from its date on; later periods follow as time goes by. */
  readonly envelopes: readonly {
    readonly envelopeId: string;
    readonly period: string;
    readonly limit: Decimal;
    readonly currency: string;
  }[];
  /** What the portfolio's envelopes over those periods have left now. */
  readonly headroom: readonly (Omit<Headroom, 'pods'> & { readonly podEnvelopes: number })[];
  /** More is approved for the portfolio's pods than its envelope has. */
  readonly exceedsHeadroom: boolean;
  /** Approvals of the old path that it did without. */
  readonly approvalsAvoided: number;
}

/**
 * Activates it, once for each pod, pattern and date.
 * @throws AppError not_found for an unknown pod or pattern; invalid_input for what is no date, one more than a year away, or a pod that ended before it.
 */
export async function activatePattern(
  db: Kysely<DB>,
  given: Deciding & { readonly podId: string; readonly patternId: string; readonly on?: IsoDate },
): Promise<ActivationOutcome> {
  return db.isTransaction
    ? activate(db as Transaction<DB>, given)
    : db.transaction().execute((trx) => activate(trx, given));
}

async function activate(
  trx: Transaction<DB>,
  given: Parameters<typeof activatePattern>[1],
): Promise<ActivationOutcome> {
  const { podId, patternId, principal, via, at } = given;
  const on = given.on ?? utcDate(at);
  await lockApprovals(trx);
  await checkActivation(trx, { podId, patternId, on, today: utcDate(at) });
  const { rows } = await sql`
    insert into activation (pod_id, pattern_id, activated_on, method, created_at)
    values (${podId}, ${patternId}, ${on}::date, 'granted', ${at.toISOString()})
    on conflict (pod_id, pattern_id, activated_on) do update set removed_at = null, method = 'granted'
      where activation.removed_at is not null
    returning pod_id
  `.execute(trx);
  if (rows.length > 0) {
    await raiseFiguresVersion(trx, {});
    const changes = await syncPatternEnvelopes(trx, { at, principal });
    await evaluateEnvelopes(trx, { at, cause: 'envelope', envelopeIds: changes.map(({ envelopeId }) => envelopeId) });
  }
  const outcome = await describe(trx, { podId, patternId, on, isNew: rows.length > 0 });
  if (rows.length > 0) {
    await recordAudit(trx, {
      at,
      principal,
      action: 'activate-pattern',
      subjectKind: 'pod',
      subjectId: podId,
      details: { pattern: patternId, on, envelopes: outcome.envelopes, exceedsHeadroom: outcome.exceedsHeadroom, via },
    });
  }
  return outcome;
}

async function checkActivation(
  trx: Transaction<DB>,
  { podId, patternId, on, today }: { podId: string; patternId: string; on: IsoDate; today: IsoDate },
): Promise<void> {
  if (!isIsoDate(on)) throw new AppError('invalid_input', `"${on}" is not a date. Write it as 2026-01-05.`);
  if (Math.abs(daysBetween(today, on)) > AWAY_DAYS_MAX) {
    throw new AppError(
      'invalid_input',
      `${on} is more than a year from today. Pods that were activated long ago have their date in the organisation file.`,
    );
  }
  const pod = await trx
    .selectFrom('pod')
    .select(['active_until'])
    .where('id', '=', podId)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (pod === undefined) {
    throw new AppError(
      'not_found',
      `There is no pod "${podId}". Add it to the organisation file and run "outturn apply", then activate it.`,
    );
  }
  if (pod.active_until !== null && pod.active_until <= on) {
    throw new AppError(
      'invalid_input',
      `The pod "${podId}" is active until ${pod.active_until}; it cannot be activated on ${on}.`,
    );
  }
  const pattern = await trx
    .selectFrom('pattern')
    .select('id')
    .where('id', '=', patternId)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (pattern === undefined) {
    throw new AppError(
      'not_found',
      `There is no pattern "${patternId}". Patterns and their approvals are in the organisation file.`,
    );
  }
}

async function describe(
  trx: Transaction<DB>,
  { podId, patternId, on, isNew }: { podId: string; patternId: string; on: IsoDate; isNew: boolean },
): Promise<ActivationOutcome> {
  const given = [...(await readStoredEnvelopes(trx)).values()]
    .filter((one) => !one.isWithdrawn && one.scope.kind === 'pod' && one.scope.id === podId && one.end > on)
    .filter((one) => one.newest.patternIds.includes(patternId))
    .toSorted((one, other) => (one.start < other.start ? -1 : 1));
  const { portfolio_id: portfolioId, approvals } = await readPaths(trx, podId, patternId);
  const headrooms = portfolioId === null ? [] : await listHeadrooms(trx, { portfolioId });
  const drawnOn = headrooms.filter((headroom) =>
    headroom.pods.some(({ envelopeId }) => given.some((one) => one.envelopeId === envelopeId)),
  );
  return {
    podId,
    patternId,
    activatedOn: on,
    change: isNew ? 'created' : 'unchanged',
    envelopes: given.map(({ envelopeId, periodId, newest }) => ({
      envelopeId,
      period: periodId,
      limit: newest.limit,
      currency: newest.currency,
    })),
    headroom: drawnOn.map(({ pods, ...headroom }) => ({ ...headroom, podEnvelopes: pods.length })),
    exceedsHeadroom: drawnOn.some(({ headroom }) => headroom !== null && compare(headroom, ZERO) < 0),
    approvalsAvoided: approvals,
  };
}

async function readPaths(
  trx: Transaction<DB>,
  podId: string,
  patternId: string,
): Promise<{ portfolio_id: string | null; approvals: number }> {
  const { rows } = await sql<{ portfolio_id: string | null; approvals: number }>`
    select pod.portfolio_id, cardinality(pattern.approved_by) as approvals from pod, pattern
    where pod.id = ${podId} and pattern.id = ${patternId}
  `.execute(trx);
  return rows[0] ?? { portfolio_id: null, approvals: 0 };
}

/** One activation, with what it did without. */
export interface ListedActivation {
  readonly podId: string;
  readonly patternId: string;
  readonly activatedOn: IsoDate;
  readonly method: 'granted' | 'asserted';
  readonly approvalsAvoided: number;
}

/** Activations that stand, the newest first. */
export async function listActivations(db: Kysely<DB>): Promise<ListedActivation[]> {
  const { rows } = await sql<ListedActivation>`
    select pod_id as "podId", pattern_id as "patternId", activated_on as "activatedOn", method,
      cardinality(pattern.approved_by) as "approvalsAvoided"
    from activation join pattern on pattern.id = activation.pattern_id
    where activation.removed_at is null
    order by activated_on desc, pod_id collate "C", pattern_id collate "C"
  `.execute(db);
  return rows;
}
