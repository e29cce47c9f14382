/** Intake for tests: the API with a secret for each tool, the job that a worker would do, and a clock that a test can move. */
import { pino } from 'pino';
import { buildApp } from '../../api/app.ts';
import type { ApiApp } from '../../api/context.ts';
import { processEvents } from '../../jobs/handlers/process-events.ts';
import type { JobContext } from '../../jobs/job-context.ts';
import { receiveCloudEvents, receiveWebhook } from '../../jobs/receive-events.ts';
import { localOperator, silentProgress } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import type { TestDatabase } from './database.ts';
import type { Delivery } from './signed-webhooks.ts';

export const SECRET = 'the-newer-of-two-secrets';
export const FORMER_SECRET = 'the-older-of-two-secrets';
export const SENDER_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export interface TestIntake {
  readonly app: ApiApp;
  readonly context: JobContext;
  readonly clock: { now(): Date; set(instant: string): void };
  /** How often a worker was reminded. */
  readonly reminders: number;
  /** What was logged. */
  readonly logged: readonly string[];
  /** Sends a delivery; gives the status of the answer. */
  send(delivery: Delivery): Promise<number>;
  /** What a worker does with what came in. */
  work(): Promise<void>;
  /** Applies an organisation file whose rest is given. */
  apply(text: string): Promise<void>;
}

export async function startIntake(
  database: TestDatabase,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestIntake> {
  let instant = new Date('2026-09-15T12:00:00Z');
  let reminders = 0;
  const logged: string[] = [];
  const clock = {
    now: () => instant,
    set: (text: string) => {
      instant = new Date(text);
    },
  };
  const logger = pino({ level: 'debug', base: null }, { write: (line: string) => void logged.push(line) });
  const context: JobContext = {
    db: database.db,
    databaseUrl: database.url,
    settings: readSettings(
      {
        OUTTURN_GITHUB_WEBHOOK_SECRETS: `${SECRET},${FORMER_SECRET}`,
        OUTTURN_JIRA_WEBHOOK_SECRETS: SECRET,
        OUTTURN_LINEAR_WEBHOOK_SECRETS: SECRET,
        OUTTURN_PAGERDUTY_WEBHOOK_SECRETS: `${SECRET},${FORMER_SECRET}`,
        OUTTURN_EVENTS_CI_SECRETS: SENDER_SECRET,
        PUBLIC_URL: 'https://outturn.example.com',
        ...environment,
      },
      '/nonexistent',
    ),
    clock,
    logger,
    progress: silentProgress,
    principal: localOperator,
    signal: new AbortController().signal,
  };
  const receiving = {
    ...context,
    remind: async () => {
      reminders += 1;
    },
  };
  const app = await buildApp({
    db: database.db,
    clock,
    queue: { add: async () => {}, counts: async () => ({}) },
    receiveWebhook: (provider, request) => receiveWebhook(provider, request, receiving),
    receiveEvents: (request, principal) => receiveCloudEvents(request, principal, receiving),
    workDir: '/nonexistent',
    version: '0.0.0',
    logger,
  });
  return {
    app,
    context,
    clock,
    get reminders() {
      return reminders;
    },
    logged,
    send: async ({ url, headers, body }) =>
      (await app.inject({ method: 'POST', url, headers, payload: Buffer.from(body) })).statusCode,
    work: () => processEvents({}, context),
    apply: async (text) => {
      const sourceText = `organisation: Acme\n${text}`;
      const file = { organisation: parseOrganisation(sourceText), sourceText, folder: '/nowhere' };
      await applyOrganisation(database.db, { file, principal: localOperator, at: instant });
    },
  };
}
