/**
 * A company that works in Slack: the owner of a pod, its finance partner and a stranger, with a pod near its envelope. The real API on
 * loopback, the real job and a double of Slack that holds everything to Slack's rules; the clock is moved by hand.
 */
import { sql } from 'kysely';
import { pino } from 'pino';
import { buildApp } from '../../api/app.ts';
import { listen } from '../../api/server.ts';
import { answerSlack } from '../../jobs/handlers/answer-slack.ts';
import type { JobContext } from '../../jobs/job-context.ts';
import { acceptSlackRequest } from '../../jobs/receive-slack.ts';
import { dressedSlackSender } from '../../jobs/slack-sender.ts';
import { deliverDueAlerts } from '../../services/alerts/deliver-alerts.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { localOperator, silentLogger, silentProgress } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { type TestDatabase, test as base } from './database.ts';
import { addEnvelope, addPod, type MovableClock, movableClock, publishSpend } from './envelope-builders.ts';
import { type SlackDouble, startSlackDouble, type VisibleMessage } from './slack-double.ts';
import { type Press, pressPayload, type SlackCaller, slackCaller, submissionPayload } from './slack-presses.ts';

const START = '2026-09-02T06:00:00Z';
const SIGNING_SECRET = 'signed-by-slack';
/** Owns the pod "checkout". */
export const ADA = { userId: 'UADA', email: 'ada@example.com' };
/** Its finance partner. */
export const GRACE = { userId: 'UGRACE', email: 'grace@example.com' };
export const MALLORY = { userId: 'UMALLORY', email: 'mallory@example.com' };

/** What takes Slack's requests and does what they ask; a test changes it as it goes. */
interface Answering {
  context: JobContext;
  hasWorker: boolean;
  /** How often a worker was reminded. */
  reminders: number;
}

export interface SlackCompany {
  readonly clock: MovableClock;
  readonly slack: SlackDouble;
  readonly caller: SlackCaller;
  readonly answering: Answering;
  /** Makes everything as it was before the test. */
  reset(): Promise<void>;
  /** The bill of a day arrives the morning after, what the pod has spent by then is `total`; and what it crosses is told. */
  load(day: string, total: string): Promise<void>;
  /** Answers with other settings of Slack from now on. */
  configure(slack: JobContext['settings']['slack']): void;
  deliver(): Promise<unknown>;
  /** The job, and what it has rewritten. */
  work(): Promise<void>;
  /** The first message that stands. */
  post(): VisibleMessage;
  /** Presses under the first message, or under the one given. */
  press(
    actionId: string,
    user: string,
    more?: Pick<Press, 'choice' | 'actionTs'>,
    message?: VisibleMessage,
  ): Promise<Response>;
  /** Fills in the newest form and sends it. */
  submit(user: string, fields: Record<string, string>, viewId?: string): Promise<Response>;
  /** What was done through Slack in this test, and by whom. */
  audit(): Promise<string[]>;
}

/** One app and one clock for the file; what it answers with changes with each test. */
const served = base.extend('slackApi', { scope: 'file' }, async ({ database: { db } }, { onCleanup }) => {
  const clock = movableClock(START);
  let answering: Answering | null = null;
  const current = (): Answering => {
    if (answering === null) throw new Error('no test is served');
    return answering;
  };
  const app = await buildApp({
    db,
    clock,
    queue: { add: async () => {}, counts: async () => ({}) },
    receiveSlack: (request) => {
      const by = current();
      return acceptSlackRequest(request, {
        ...by.context,
        remind: async () => {
          by.reminders += 1;
        },
        hasWorker: async () => by.hasWorker,
      });
    },
    workDir: '/nonexistent',
    version: '0.0.0',
    logger: pino({ level: 'silent' }),
  });
  onCleanup(() => app.close());
  const { url } = await listen(app, { db, clock, host: '127.0.0.1', port: 0 });
  return {
    clock,
    url: `${url}/api/v1/webhooks/slack`,
    serve: (by: Answering) => {
      answering = by;
    },
  };
});

/** `test` with such a company, as new for each test. */
export const test = served.extend('company', async ({ database, slackApi }, { onCleanup }): Promise<SlackCompany> => {
  const { clock } = slackApi;
  clock.set(START);
  const slack = await startSlackDouble({ now: () => clock.now() });
  onCleanup(() => slack.stop());
  for (const channel of ['C0CHECKOUT', 'C0FINANCE']) slack.channels.set(channel, 'open');
  slack.people.people.push(ADA, GRACE, MALLORY);
  const answering = { context: contextOf(database, slack, clock), hasWorker: true, reminders: 0 };
  slackApi.serve(answering);
  const caller = slackCaller({ url: slackApi.url, signingSecret: SIGNING_SECRET, now: () => clock.now() });
  let auditedBefore = await reset(database);
  const { db } = database;

  const deliver = () =>
    deliverDueAlerts(db, {
      sender: dressedSlackSender(answering.context),
      clock,
      logger: silentLogger,
      wait: async (milliseconds) => clock.move(milliseconds),
    });
  const post = () => {
    const [first] = slack.messages;
    if (first === undefined) throw new Error('nothing was posted');
    return first;
  };
  return {
    clock,
    slack,
    caller,
    answering,
    deliver,
    post,
    reset: async () => {
      auditedBefore = await reset(database);
    },
    configure: (settings) => {
      const { context } = answering;
      answering.context = { ...context, settings: { ...context.settings, slack: settings } };
    },
    load: async (day, total) => {
      const loadId = await publishSpend(db, { clock, day, total });
      await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: clock.now(), cause: 'load', loadId }));
      await deliver();
    },
    work: async () => {
      await answerSlack({}, answering.context);
      await deliver();
    },
    press: (actionId, user, more = {}, message = post()) =>
      caller.interact(pressPayload(slack, { actionId, user, message, ...more })),
    submit: (user, fields, viewId) =>
      caller.interact(submissionPayload(slack, { user, fields, ...(viewId === undefined ? {} : { viewId }) })),
    audit: async () => {
      const { rows } = await sql<{ action: string; principal: string }>`
        select action, principal from audit_event
        where subject_kind in ('alert', 'envelope') and details ->> 'via' = 'slack' and id > ${auditedBefore}::bigint order by id
      `.execute(db);
      return rows.map(({ action, principal }) => `${action} ${principal}`);
    },
  };
});

function contextOf({ db, url }: TestDatabase, slack: SlackDouble, clock: MovableClock): JobContext {
  const environment = {
    SLACK_BOT_TOKEN: slack.token,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: slack.url,
    PUBLIC_URL: 'https://outturn.example.com',
  };
  return {
    db,
    databaseUrl: url,
    settings: readSettings(environment, '/nonexistent'),
    clock,
    logger: silentLogger,
    progress: silentProgress,
    principal: localOperator,
    signal: new AbortController().signal,
  };
}

/** Gives the last event of the audit trail, which nothing takes back. */
async function reset({ db }: TestDatabase): Promise<string> {
  await sql`truncate alert, message, raise_request, envelope_state, envelope_version_rate, envelope_version, envelope, pod_day, pod_cost,
    shared_cost, pod, portfolio, load, slack_identity, slack_request, api_token restart identity cascade`.execute(db);
  await sql`update source set expect_every = null`.execute(db);
  await sql`update organisation set name = 'Acme', rulebook_id = 0, finance_channel = 'C0FINANCE', holidays = '{}', time_zone = 'Europe/Berlin'`.execute(
    db,
  );
  await addPod(db, { id: 'checkout', name: 'Checkout', slackChannel: 'C0CHECKOUT' });
  await addPod(db, { id: 'search', name: 'Search' });
  await sql`update pod set owner_email = 'Ada@Example.com', finance_partner_email = ${GRACE.email} where id = 'checkout'`.execute(
    db,
  );
  await addEnvelope(db, { scope: { kind: 'pod', id: 'checkout' }, period: '2026-09', limit: '10000' });
  const { rows } = await sql<{ id: string }>`select coalesce(max(id), 0) as id from audit_event`.execute(db);
  return rows[0]?.id ?? '0';
}

/** The buttons under a message, in their order. */
export function buttonsOf({ blocks }: Pick<VisibleMessage, 'blocks'>): unknown[] {
  return blocks
    .filter(({ type }) => type === 'actions')
    .flatMap(({ elements = [] }) => elements.map((element) => element.action_id));
}
