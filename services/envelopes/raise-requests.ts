/**
 * A raise from its request to its answer. Inside what the portfolio delegates it is granted at once; else its approvers are told, once, and one of them
 * decides: never who asked. Granting is a new version, judged in the same transaction; refusing keeps the limit. One request waits per envelope, and
 * asking again for the same changes nothing.
 */
import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordRaiseAnswer, recordRaiseRequest } from '../alerts/raise-messages.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { compare, type Decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { addDays, type IsoDate, isIsoDate, utcDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import { approversBeside, isSamePerson, readApprovers, requireApprover } from './approvers.ts';
import { delegatedBy } from './delegated-raise.ts';
import { describeScope, type StoredEnvelope, type VersionDraft } from './envelope-versions.ts';
import { type Deciding, grantVersion, lockApprovals, refuseClosed, requireEnvelope } from './grant-version.ts';
import { insertRaise, listRaiseRequests, type RaiseRequest, storeDecision } from './raise-rows.ts';

export { listRaiseRequests } from './raise-rows.ts';

/** What the approval of a version granted within a delegation says. */
const DELEGATED = 'delegated';
const REASON_LENGTH_MAX = 1_000;
/** Who may ask; a pod only for its own envelopes. */
const ASKING_ROLES: readonly Principal['role'][] = ['pod', 'finance', 'operator', 'cio'];

export interface AskedRaise extends Deciding {
  readonly envelopeId: string;
  /** The limit wanted, in the envelope's currency. */
  readonly limit: Decimal;
  /** The last day on which it is needed: told to whoever decides, and after it the raise stands in finance's inbox; the limit stays. */
  readonly until?: IsoDate;
  readonly reason: string;
}

export interface RaiseOutcome {
  readonly requestId: string;
  readonly state: 'granted' | 'pending';
  /** The finance partners who may decide; empty where it was granted, or where anybody of role finance may. */
  readonly approvers: readonly string[];
}

/**
 * Asks for another limit.
 * @throws AppError not_found, forbidden (a role that may not ask), invalid_input (a limit not above the present one, no reason),
 *   conflict (the envelope is closed, or another request of it waits).
 */
export async function requestRaise(db: Kysely<DB>, asked: AskedRaise): Promise<RaiseOutcome> {
  return within(db, async (trx) => {
    checkAsking(asked);
    await lockApprovals(trx);
    const envelope = await requireEnvelope(trx, asked.envelopeId, asked.principal);
    const repeated = await findRepeated(trx, asked, envelope);
    if (repeated !== null) return repeated;
    checkLimit(asked, envelope);
    checkUntil(asked, envelope);
    await refuseClosed(trx, envelope);
    return file(trx, asked, envelope);
  });
}

/**
 * Grants or refuses a request that waits.
 * @throws AppError not_found, forbidden (who asked, or who is no approver of the scope), conflict where it is decided already.
 */
export async function decideRaise(
  db: Kysely<DB>,
  decision: Deciding & { readonly requestId: string; readonly decision: 'grant' | 'refuse'; readonly reason?: string },
): Promise<{ state: 'granted' | 'refused' }> {
  const { requestId, principal, via, at } = decision;
  return within(db, async (trx) => {
    await lockApprovals(trx);
    const [request] = await listRaiseRequests(trx, { requestId, at });
    if (request === undefined) {
      throw new AppError('not_found', worded`There is no raise request ${requestId}. ${COMMANDS.raises} lists them.`);
    }
    const approvers = await readApprovers(trx, request.scope, at);
    requireApprover(request.scope, { approvers, principal, requestedBy: request.requestedBy });
    refuseDecided(request);
    const state = decision.decision === 'grant' ? 'granted' : 'refused';
    const reason = decision.reason?.trim() === '' ? null : (decision.reason?.trim() ?? null);
    // Before the new version: where that clears the alert, the answer still belongs to its thread.
    await recordRaiseAnswer(trx, request, { state, by: principal.id, reason, at });
    const version = state === 'granted' ? await grant(trx, request, decision) : null;
    await storeDecision(trx, { requestId, state, by: principal.id, via, at, reason, version, isDelegated: false });
    await recordAudit(trx, {
      at,
      principal,
      action: state === 'granted' ? 'grant-raise' : 'refuse-raise',
      subjectKind: 'envelope',
      subjectId: request.envelopeId,
      details: { ...auditDetails(request), requestId, version, reason, via },
    });
    return { state };
  });
}

async function file(trx: Transaction<DB>, asked: AskedRaise, envelope: StoredEnvelope): Promise<RaiseOutcome> {
  const { limit, principal, via, at } = asked;
  const { envelopeId, newest } = envelope;
  const requestId = await insertRaise(trx, {
    envelopeId,
    askedVersion: newest.version,
    limit,
    currency: newest.currency,
    until: asked.until ?? null,
    reason: asked.reason.trim(),
    requestedBy: principal.id,
    via,
    at,
  });
  const partner = await delegatedBy(trx, envelope, { limit, requestedBy: principal.id, at });
  const approvers = partner === null ? approversBeside(await readApprovers(trx, envelope.scope, at), principal.id) : [];
  if (partner !== null) {
    const draft = raisedDraft(envelope, { limit, approvedBy: partner, approval: DELEGATED, at });
    const { version } = await grantVersion(trx, draft, { ...asked, formerLimit: newest.limit, details: { requestId } });
    await storeDecision(trx, {
      requestId,
      state: 'granted',
      by: partner,
      via,
      at,
      reason: null,
      version,
      isDelegated: true,
    });
  }
  const [request] = await listRaiseRequests(trx, { requestId, at });
  if (request === undefined) throw new Error('a filed request is listed');
  if (partner === null) await recordRaiseRequest(trx, request, { approvers, at });
  await recordAudit(trx, {
    at,
    principal,
    action: 'request-raise',
    subjectKind: 'envelope',
    subjectId: envelopeId,
    details: { ...auditDetails(request), requestId, formerLimit: newest.limit, state: request.state, via },
  });
  return { requestId, state: partner === null ? 'pending' : 'granted', approvers };
}

/** The version that grants the request; one that has the limit by now, by the file or an approver, settles it without another. */
async function grant(trx: Transaction<DB>, request: RaiseRequest, given: Deciding): Promise<number> {
  const { principal, via, at } = given;
  const envelope = await requireEnvelope(trx, request.envelopeId, principal);
  const { newest } = envelope;
  if (newest.currency !== request.currency) {
    throw new AppError(
      'conflict',
      `The envelope of ${describeScope(request.scope)} for ${request.period} is in ${newest.currency} now; the raise was asked in ${request.currency}. ` +
        'Refuse it, so that it can be asked for anew.',
    );
  }
  if (compare(newest.limit, request.limit) >= 0) return newest.version;
  await refuseClosed(trx, envelope);
  const draft = raisedDraft(envelope, { limit: request.limit, approvedBy: principal.id, approval: null, at });
  const details = { requestId: request.requestId };
  return (await grantVersion(trx, draft, { principal, via, at, formerLimit: newest.limit, details })).version;
}

/** The same envelope with another limit: everything else stays as approved. */
function raisedDraft(
  envelope: StoredEnvelope,
  given: { limit: Decimal; approvedBy: string; approval: string | null; at: Date },
): VersionDraft {
  const { scope, start, end, counts, periodId, newest } = envelope;
  const { costMetric, currency, rungs, origin, patternIds } = newest;
  const { limit, approvedBy, approval } = given;
  const kept = { costMetric, currency, rungs, origin, patternIds };
  return {
    scope,
    start,
    end,
    counts,
    periodId,
    content: { ...kept, limit, approvedBy, approval, approvedOn: utcDate(given.at) },
  };
}

function checkAsking({ principal, reason, until, at }: AskedRaise): void {
  if (!ASKING_ROLES.includes(principal.role)) {
    throw new AppError(
      'forbidden',
      `The role ${principal.role} of ${principal.id} only reads: it cannot ask for a raise.`,
    );
  }
  if (reason.trim() === '' || reason.length > REASON_LENGTH_MAX) {
    throw new AppError('invalid_input', `A raise needs its reason, in at most ${REASON_LENGTH_MAX} characters.`);
  }
  if (until !== undefined && (!isIsoDate(until) || until < utcDate(at))) {
    throw new AppError(
      'invalid_input',
      `A raise is needed until a date from today on, as 2026-09-30; "${until}" is none.`,
    );
  }
}

function checkLimit({ limit }: AskedRaise, { newest, scope, periodId }: StoredEnvelope): void {
  if (compare(limit, ZERO) > 0 && compare(limit, newest.limit) > 0) return;
  throw new AppError(
    'invalid_input',
    `The envelope of ${describeScope(scope)} for ${periodId} has ${newest.limit} ${newest.currency}; a raise is the new limit, above that. ${limit} is not.`,
  );
}

function checkUntil({ until }: AskedRaise, { end, scope, periodId }: StoredEnvelope): void {
  if (until === undefined || until < end) return;
  throw new AppError(
    'invalid_input',
    `The envelope of ${describeScope(scope)} for ${periodId} ends with ${addDays(end, -1)}, and a raise of it with it; ${until} is later. ` +
      'What is needed then is asked of the next period’s envelope.',
  );
}

/** The answer to the same question again; a question of another kind has to wait. */
async function findRepeated(
  trx: Transaction<DB>,
  { limit, principal, at }: AskedRaise,
  { envelopeId, newest, scope }: StoredEnvelope,
): Promise<RaiseOutcome | null> {
  const requests = await listRaiseRequests(trx, { envelopeId, at });
  const isSame = (one: RaiseRequest) => isSamePerson(one.requestedBy, principal.id) && compare(one.limit, limit) === 0;
  const pending = requests.find(({ state }) => state === 'pending');
  if (pending !== undefined) {
    if (isSame(pending)) return { requestId: pending.requestId, state: 'pending', approvers: pending.approvers };
    throw new AppError(
      'conflict',
      `${pending.requestedBy} has asked to raise the envelope of ${describeScope(scope)} to ${pending.limit} ${pending.currency}; that is decided first ` +
        `(request ${pending.requestId}).`,
      { details: { requestId: pending.requestId } },
    );
  }
  const granted = requests.find((one) => one.version === newest.version && isSame(one));
  return granted === undefined ? null : { requestId: granted.requestId, state: 'granted', approvers: [] };
}

function refuseDecided({ requestId, state, decidedBy, decidedAt }: RaiseRequest): void {
  if (state === 'pending') return;
  throw new AppError(
    'conflict',
    `The raise request ${requestId} was ${state} by ${decidedBy ?? ''} on ${decidedAt?.slice(0, 10) ?? ''}; a decision stays.`,
    { details: { requestId, state } },
  );
}

function auditDetails({ scope, period, limit, currency, requestedBy, reason: asked, until }: RaiseRequest) {
  return { scope: describeScope(scope), period, limit, currency, requestedBy, requestReason: asked, until };
}

async function within<Result>(db: Kysely<DB>, work: (trx: Transaction<DB>) => Promise<Result>): Promise<Result> {
  return db.isTransaction ? work(db as Transaction<DB>) : db.transaction().execute(work);
}
