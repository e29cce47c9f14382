/**
 * Slack's events as they come, over HTTP or Socket Mode. Slack waits three seconds: forms are opened and questions answered at once, what
 * changes anything is written down and done by a job, so that nothing is lost where the process ends after its answer.
 */
import { openForm, tellAlone } from '../connectors/slack/answer-people.ts';
import { isSignedBySlack, type SignedRequest } from '../connectors/slack/signature.ts';
import { readSlackBody, type SlackActor, type SlackEvent } from '../connectors/slack/slack-event.ts';
import { readAlertSubject } from '../services/alerts/alert-subject.ts';
import { envelopeView, readOpenedEnvelopes } from '../services/alerts/envelope-view.ts';
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
import {
  RAISE_FORM,
  raiseForm,
  readRaiseForm,
  readRefusalForm,
  REFUSAL_FORM,
  refusalForm,
} from '../services/alerts/raise-forms.ts';
import { findPodId, readPodStandings } from '../services/alerts/scope-standing.ts';
import { standingAnswer, UNKNOWN_PERSON } from '../services/alerts/standing-blocks.ts';
import { listRaiseRequests } from '../services/envelopes/raise-requests.ts';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { faultPoint } from '../services/kernel/fault-point.ts';
import { mayReadScope } from '../services/people/person-standing.ts';
import { keepSlackRequest, type SlackRequestPayload } from '../services/people/slack-requests.ts';
import type { JobContext } from './job-context.ts';
import { openHome, podsOf, standingOf } from './slack-people.ts';

/** Requests that are no button: what a person opened. */
export const OPEN_HOME = 'app_home_opened';
/** A form that could not be opened, or is about something that is over: its presser is told. */
export const TOO_LATE = 'too_late';
const NO_WORKER = 'Noted. It is done once a worker of Outturn runs: none does at the moment.';

export interface ReceivingContext extends Pick<JobContext, 'db' | 'clock' | 'logger' | 'settings'> {
  /** Reminds a worker of what was written down; it would find it by itself a little later. */
  remind(): Promise<void>;
  /** False where what was written down waits for somebody to start one. */
  hasWorker(): Promise<boolean>;
}

/** Takes one event and answers what Slack is to be told at once; null for nothing. */
export async function receiveSlack(event: SlackEvent, context: ReceivingContext): Promise<object | null> {
  switch (event.kind) {
    case 'handshake':
      return { challenge: event.challenge };
    case 'action':
      return receiveAction(event, context);
    case 'submission':
      return receiveSubmission(event, context);
    case 'command':
      return answerCommand(event, context);
    case 'home':
      await keep(event.actor, { action: OPEN_HOME, actionTs: event.eventTs, subject: '' }, context);
      return null;
    case 'other':
      context.logger.info({ event: event.name }, 'Slack sent something that is not ours to answer');
      return null;
  }
}

type Action = Extract<SlackEvent, { kind: 'action' }>;

async function receiveAction(event: Action, context: ReceivingContext): Promise<null> {
  const { actor, actionId, actionTs, value: subject, channel, responseUrl } = event;
  const request = { action: actionId, actionTs, subject, channel, responseUrl };
  if (actionId.startsWith(REQUEST_RAISE) || actionId === REFUSE_RAISE || actionId === OPEN) {
    const opening = await tryToOpen(event, context);
    if (opening !== 'open')
      await keep(actor, { ...request, action: opening === 'over' ? actionId : TOO_LATE }, context);
    return null;
  }
  if ([ACKNOWLEDGE, SNOOZE, GRANT_RAISE, RELEASE, DISMISS].includes(actionId)) await keep(actor, request, context);
  else context.logger.warn({ actionId }, 'a button of Slack is not known; nothing was done');
  return null;
}

/** Null where what it is about is over, or not its presser's to see: the job says so. */
async function formOf({ actor, actionId, value, channel }: Action, context: ReceivingContext): Promise<object | null> {
  const { db, clock } = context;
  const metadata = JSON.stringify({ subject: value, channel });
  if (actionId === REFUSE_RAISE) {
    const [raise] = await listRaiseRequests(db, { requestId: value });
    return raise?.state === 'pending' ? refusalForm(metadata) : null;
  }
  const subject = await readAlertSubject(db, value);
  if (actionId === OPEN) {
    const standing = subject === null ? null : await standingOf(actor, context);
    const isTheirs = subject !== null && standing !== null && mayReadScope(standing, subject.scope);
    return isTheirs ? envelopeView(await readOpenedEnvelopes(db, value, clock.now())) : null;
  }
  return subject?.isOpen === true ? raiseForm(subject, metadata) : null;
}

async function tryToOpen(event: Action, context: ReceivingContext): Promise<'open' | 'over' | 'too late'> {
  const { settings, logger } = context;
  try {
    const view = await formOf(event, context);
    if (view === null) return 'over';
    return (await openForm(settings.slack, { triggerId: event.triggerId, view })) ? 'open' : 'too late';
  } catch (error) {
    if (!(error instanceof AppError || error instanceof TransientError)) throw error;
    logger.warn({ err: error }, 'a form could not be opened in Slack');
    return 'too late';
  }
}

type Submission = Extract<SlackEvent, { kind: 'submission' }>;

/** What is filled in wrongly is said in the form; else the form closes, and a job does it. */
async function receiveSubmission(event: Submission, context: ReceivingContext): Promise<object | null> {
  const { actor, callbackId, fields, viewId } = event;
  const { subject, channel } = readMetadata(event.metadata);
  const errors = await faultsOf(event, subject, context);
  if (errors !== null) return { response_action: 'errors', errors };
  if (callbackId !== RAISE_FORM && callbackId !== REFUSAL_FORM) {
    context.logger.warn({ callbackId }, 'a form of Slack is not known; nothing was done');
    return null;
  }
  await keep(actor, { action: callbackId, actionTs: viewId, subject, fields, channel }, context);
  return null;
}

async function faultsOf(
  { callbackId, fields }: Submission,
  subject: string,
  { db, clock }: ReceivingContext,
): Promise<Readonly<Record<string, string>> | null> {
  if (callbackId === REFUSAL_FORM) {
    const filled = readRefusalForm(fields);
    return filled.kind === 'errors' ? filled.errors : null;
  }
  const alert = callbackId === RAISE_FORM ? await readAlertSubject(db, subject) : null;
  if (alert === null) return null;
  const filled = readRaiseForm(fields, alert, clock.now());
  return filled.kind === 'errors' ? filled.errors : null;
}

function readMetadata(text: string): { subject: string; channel: string | null } {
  const read = JSON.parse(text === '' ? '{}' : text) as { subject?: unknown; channel?: unknown };
  return {
    subject: typeof read.subject === 'string' ? read.subject : '',
    channel: typeof read.channel === 'string' ? read.channel : null,
  };
}

/** `/outturn` is about one's own pods, `/outturn POD` about one that may be read; only who asked sees the answer. */
async function answerCommand(
  { actor, text }: Extract<SlackEvent, { kind: 'command' }>,
  context: ReceivingContext,
): Promise<object> {
  const only = (answer: { text: string; blocks?: object[] }) => ({ response_type: 'ephemeral', ...answer });
  try {
    const standing = await standingOf(actor, context);
    if (standing === null) return only({ text: UNKNOWN_PERSON });
    const asked = text.trim();
    const found = asked === '' ? null : await findPodId(context.db, asked);
    const isTheirs = found !== null && mayReadScope(standing, { kind: 'pod', id: found });
    const podIds = asked === '' ? podsOf(standing) : isTheirs ? [found] : [];
    const standings = await readPodStandings(context.db, { podIds, at: context.clock.now() });
    if (asked !== '' && standings.length === 0) {
      return only({
        text: 'There is no such pod that you may see. Give its id or its name, as in `/outturn checkout`.',
      });
    }
    return only(standingAnswer(standings));
  } catch (error) {
    if (!(error instanceof AppError || error instanceof TransientError)) throw error;
    context.logger.warn({ err: error }, 'Slack did not say who asked');
    return only({
      text: 'Slack did not say who you are. Please ask again; if it stays so, `outturn doctor` says why.',
    });
  }
}

async function keep(
  { teamId, userId }: SlackActor,
  request: { action: string; actionTs: string } & Partial<SlackRequestPayload> & Pick<SlackRequestPayload, 'subject'>,
  context: ReceivingContext,
): Promise<void> {
  const { action, actionTs, subject, fields = {}, channel = null, responseUrl = null } = request;
  const payload = { subject, fields, channel, responseUrl };
  const receivedAt = context.clock.now();
  const isNew = await keepSlackRequest(context.db, { teamId, userId, action, actionTs, payload, receivedAt });
  faultPoint('slack-after-keep');
  if (!isNew) return;
  // Slack is not kept waiting for the queue.
  context.remind().catch((error: unknown) => {
    context.logger.warn(
      { err: error },
      'the queue could not be reminded of what was asked for in Slack; a worker finds it',
    );
  });
  answerWithoutWorker({ teamId, userId }, { action, channel, responseUrl }, context).catch((error: unknown) => {
    context.logger.warn({ err: error }, 'nobody could be told that no worker runs');
  });
}

/** Nobody is left before a button that does nothing: what only a worker does is said to wait, and a home is shown without one. */
async function answerWithoutWorker(
  actor: SlackActor,
  to: { action: string; channel: string | null; responseUrl: string | null },
  context: ReceivingContext,
): Promise<void> {
  if (await context.hasWorker()) return;
  if (to.action === OPEN_HOME) await openHome(actor, context);
  else await tellAlone(context.settings.slack, { ...to, userId: actor.userId }, NO_WORKER);
}

/** A request as it came over HTTP. */
export interface SlackHttpRequest extends SignedRequest {
  readonly contentType: string;
}

/** Null for a request that is not Slack's, or that nobody here could tell to be. */
export async function acceptSlackRequest(
  request: SlackHttpRequest,
  context: ReceivingContext,
): Promise<{ readonly answer: object | null } | null> {
  const { signingSecret } = context.settings.slack;
  if (signingSecret === undefined || !isSignedBySlack(request, signingSecret, context.clock.now())) return null;
  return { answer: await receiveSlack(readSlackBody(request.body, request.contentType), context) };
}
