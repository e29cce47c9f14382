/** Does one thing that somebody asked for in Slack, as the person they are here, and tells them alone what else they should know. */
import { tellAlone } from '../connectors/slack/answer-people.ts';
import {
  acknowledgeAlert,
  type ActOutcome,
  dismissAlert,
  releaseAlert,
  snoozeAlert,
} from '../services/alerts/act-on-alert.ts';
import { type AlertSubject, readAlertSubject, refreshPost } from '../services/alerts/alert-subject.ts';
import { formatMoney } from '../services/alerts/format-figures.ts';
import {
  ACKNOWLEDGE,
  DISMISS,
  GRANT_RAISE,
  OPEN,
  REFUSE_RAISE,
  RELEASE,
  REQUEST_RAISE,
  SNOOZE,
} from '../services/alerts/message-buttons.ts';
import { RAISE_FORM, readRaiseForm, readRefusalForm, REFUSAL_FORM } from '../services/alerts/raise-forms.ts';
import { readSnoozeEnd } from '../services/alerts/snooze-end.ts';
import { UNKNOWN_PERSON } from '../services/alerts/standing-blocks.ts';
import { decideRaise, listRaiseRequests, requestRaise } from '../services/envelopes/raise-requests.ts';
import { ZERO } from '../services/kernel/decimal.ts';
import { AppError } from '../services/kernel/errors.ts';
import type { Principal } from '../services/kernel/ports.ts';
import { type PersonStanding, principalInScope } from '../services/people/person-standing.ts';
import type { SlackRequest } from '../services/people/slack-requests.ts';
import type { JobContext } from './job-context.ts';
import { OPEN_HOME, TOO_LATE } from './receive-slack.ts';
import { openHome, standingOf } from './slack-people.ts';

type Doing = Pick<JobContext, 'db' | 'clock' | 'settings'>;

const OVER = 'This is already resolved; the post says how it stands now.';
const NOT_YOURS_TO_SEE =
  'This is not yours to see: owners and finance partners do, and who reads the whole organisation.';
const NOT_YOURS = 'This is not yours to decide: owners and finance partners of the envelope do.';

/** Does it; everything it does may be done again. @throws TransientError, AppError slack_refused */
export async function doSlackRequest(request: SlackRequest, context: Doing): Promise<void> {
  if (request.action === OPEN_HOME) return openHome(request, context);
  const standing = await standingOf(request, context);
  const told = standing === null ? UNKNOWN_PERSON : await perform(request, standing, context);
  if (told === null) return;
  await tellAlone(context.settings.slack, { userId: request.userId, ...request.payload }, told);
}

/** What its presser alone is told; null where the post says it. */
async function perform(request: SlackRequest, standing: PersonStanding, context: Doing): Promise<string | null> {
  const { action } = request;
  try {
    if ([ACKNOWLEDGE, SNOOZE, RELEASE, DISMISS].includes(action)) return await actOnAlert(request, standing, context);
    if (action === RAISE_FORM) return await askForRaise(request, standing, context);
    if (action === GRANT_RAISE || action === REFUSAL_FORM) return await decide(request, standing, context);
    if (action === TOO_LATE) return 'Slack closed the way to the form before it was ready. Please press again.';
    if (action === OPEN) return NOT_YOURS_TO_SEE;
    if (action.startsWith(REQUEST_RAISE) || action === REFUSE_RAISE) return await sayOver(request, context);
    return null;
  } catch (error) {
    if (error instanceof AppError && error.code !== 'slack_refused') return error.message;
    throw error;
  }
}

async function sayOver({ payload, receivedAt }: SlackRequest, { db }: Doing): Promise<string> {
  const subject = await readAlertSubject(db, payload.subject);
  if (subject !== null) await refreshPost(db, subject.messageId, receivedAt);
  return OVER;
}

async function actOnAlert(request: SlackRequest, standing: PersonStanding, context: Doing): Promise<string | null> {
  const { db } = context;
  const [alertId = '', snoozeId = ''] = request.payload.subject.split('/');
  const subject = await readAlertSubject(db, alertId);
  if (subject === null) return OVER;
  const principal = principalInScope(standing, subject.scope);
  if (principal === null) return NOT_YOURS;
  const outcome = await act(request, { subject, principal, snoozeId }, context);
  if (outcome.kind === 'done' || (await wasDone(request, principal, subject, context))) return null;
  await refreshPost(db, subject.messageId, request.receivedAt);
  return subject.isOpen ? outcome.reason : OVER;
}

async function act(
  { action, receivedAt: at }: SlackRequest,
  on: { subject: AlertSubject; principal: Principal; snoozeId: string },
  { db }: Doing,
): Promise<ActOutcome> {
  const { alertId } = on.subject;
  const acting = { alertId, principal: on.principal, via: 'slack', at } as const;
  if (action === ACKNOWLEDGE) return acknowledgeAlert(db, acting);
  if (action === RELEASE) return releaseAlert(db, acting);
  if (action === DISMISS) return dismissAlert(db, acting);
  return snoozeAlert(db, { ...acting, until: await readSnoozeEnd(db, on.snoozeId, at) });
}

/** Where a try before this one was cut off after the act: the audit has it, at the very instant of the press. */
async function wasDone(
  { attempt, receivedAt }: SlackRequest,
  { id }: Principal,
  { alertId }: AlertSubject,
  { db }: Doing,
): Promise<boolean> {
  if (attempt === 1) return false;
  const found = await db
    .selectFrom('audit_event')
    .select('id')
    .where('subject_kind', '=', 'alert')
    .where('subject_id', '=', alertId)
    .where('principal', '=', id)
    .where('at', '=', receivedAt)
    .executeTakeFirst();
  return found !== undefined;
}

async function askForRaise(request: SlackRequest, standing: PersonStanding, { db }: Doing): Promise<string> {
  const subject = await readAlertSubject(db, request.payload.subject);
  if (subject === null) return OVER;
  const principal = principalInScope(standing, subject.scope);
  if (principal === null) return NOT_YOURS;
  // Against the present limit it was checked when it was sent; now a raise that this very request has brought must not speak against it.
  const filled = readRaiseForm(request.payload.fields, { ...subject, limit: ZERO }, request.receivedAt);
  if (filled.kind === 'errors') return Object.values(filled.errors).join(' ');
  const { limit, until, reason } = filled.value;
  const outcome = await requestRaise(db, {
    envelopeId: subject.envelopeId,
    limit,
    reason,
    ...(until === null ? {} : { until }),
    principal,
    via: 'slack',
    at: request.receivedAt,
  });
  const money = formatMoney(limit, subject.currency, subject.limit);
  if (outcome.state === 'granted') return `Granted at once: the limit is ${money} now.`;
  const approvers = outcome.approvers.length === 0 ? 'finance' : outcome.approvers.join(' or ');
  return `Sent: ${approvers} decides about ${money}. You are told here.`;
}

async function decide(request: SlackRequest, standing: PersonStanding, { db }: Doing): Promise<string | null> {
  const { payload, action, receivedAt: at, attempt } = request;
  const requestId = payload.subject;
  const [raise] = await listRaiseRequests(db, { requestId });
  if (raise === undefined) return OVER;
  const principal = principalInScope(standing, raise.scope);
  if (principal === null) return NOT_YOURS;
  const filled = readRefusalForm(payload.fields);
  const reason = action === REFUSAL_FORM && filled.kind === 'filled' ? { reason: filled.value } : {};
  // A try before this one was cut off after the decision.
  if (attempt > 1 && raise.decidedBy === principal.id && raise.decidedAt === at.toISOString()) return null;
  const decision = action === GRANT_RAISE ? 'grant' : 'refuse';
  await decideRaise(db, { requestId, decision, ...reason, principal, via: 'slack', at });
  return null;
}
