/**
 * Prometheus' figures of this process and of the installation. Its registry belongs to one app, so that two apps in one process
 * never mix. The installation's figures are read when they are asked for, at most every few seconds; none of them is money of a bill.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readOperatingFigures } from '../db/queries/operating-figures.ts';
import { readSourceFigures } from '../db/queries/source-figures.ts';
import { readPrecision } from '../services/alerts/precision.ts';
import { readIntakeStatus } from '../services/intake/intake-status.ts';
import { quarterOf, utcDate } from '../services/kernel/period.ts';
import type { Logger } from '../services/kernel/ports.ts';
import { readFiscalCalendar } from '../services/organisation/read-calendar.ts';
import type { ApiContext } from './context.ts';
import { createOutcomeMetrics } from './outcome-metrics.ts';
import { withinTime } from './within-time.ts';

export interface ApiMetrics {
  observe(request: { method: string; route: string; status: number; durationMs: number }): void;
  /** Prometheus' text. Where database or queue do not answer it says so and leaves their figures out. */
  text(): Promise<{ contentType: string; text: string }>;
}

const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Anybody may ask without a token: the database is asked no more often than this. */
const READ_EVERY_MS = 2_000;
const READ_TIMEOUT_MS = 3_000;
/** A worker shows itself every ten seconds. */
const WORKER_SILENT_MS_MAX = 45_000;

export function createApiMetrics(context: ApiContext & { readonly logger: Logger }): ApiMetrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const durations = new Histogram({
    name: 'outturn_http_request_duration_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const databaseUp = gauge('outturn_database_up', 'Whether the database answered just now.');
  const queueUp = gauge('outturn_queue_up', 'Whether the queue answered just now.');
  const jobs = gauge('outturn_queue_jobs', 'Jobs by queue and state.', ['queue', 'state']);
  const loads = gauge('outturn_loads', 'Loads by state.', ['state']);
  const messages = gauge('outturn_messages', 'Messages of the outbox by state.', ['state']);
  const waiting = gauge(
    'outturn_message_waiting_seconds',
    'How long the oldest message of the outbox has waited to be delivered, or for somebody to say whether it was; 0 where none does.',
  );
  const ofQuarter = (name: string, help: string) => gauge(`outturn_${name}`, `${help} Of the current fiscal quarter.`);
  const crossings = ofQuarter('crossings', 'Crossings that were told.');
  const alertsSent = ofQuarter('alerts_sent', 'Messages about crossings that were sent.');
  const alertsActedOn = ofQuarter('alerts_acted_on', 'Of those sent: acknowledged, snoozed or answered with a raise.');
  const alertsRestated = ofQuarter(
    'alerts_cleared_by_restatement',
    'Of those sent: cleared because the bill was restated.',
  );
  const alertsEscalated = ofQuarter('alerts_escalated', 'Of those sent: nobody answered for two business days.');
  const podMonths = ofQuarter('pod_months', 'Pods times months in which they were billed.');
  const quietPodMonths = ofQuarter('pod_months_quiet', 'Those without a message to the pod.');
  const drifting = gauge('outturn_pods_drifting', 'Pods above the line of slow drift.');
  const workers = gauge('outturn_workers_alive', 'Workers that showed themselves in the last 45 seconds.');
  const figuresVersion = gauge('outturn_figures_version', 'Raised by everything that changes a figure.');
  const rulebook = gauge('outturn_rulebook', 'The number of the rulebook in force.');
  const ofSource = (name: string, help: string) => gauge(`outturn_source_${name}`, help, ['source']);
  const successAge = ofSource(
    'last_success_age_seconds',
    'Since a look at the source last went well, or since the first one where none did.',
  );
  const sourceFailures = ofSource('failures', 'Looks that failed in a row.');
  const circuit = ofSource('circuit_open', '1: failed so often that it is tried every six hours only.');
  const requests = ofSource('requests_today', 'Calls of this UTC day, of kinds whose calls are counted.');
  const spent = ofSource(
    'spent_today_microdollars',
    'What the provider charges for the calls of this UTC day, by its price list, in millionths of a US dollar.',
  );
  const eventAge = gauge('outturn_events_last_age_seconds', 'Since something last came from a tool.', ['source']);
  const eventsWaiting = gauge('outturn_events_waiting', 'Events that wait for a worker, a mapping or a mend.', [
    'source',
    'state',
  ]);
  const eventGap = gauge('outturn_events_gap', 'Deliveries known to have failed that have not come since.', ['source']);
  const readOutcomes = createOutcomeMetrics(gauge);
  const failures = new Counter({ name: 'outturn_http_errors_total', help: 'Answers of 500 and above.', registers });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of this process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  gauge('process_start_time_seconds', 'When this process started.').set(
    Math.round(context.clock.now().getTime() / 1000 - process.uptime()),
  );

  const readDatabase = async () => {
    const seenSince = new Date(context.clock.now().getTime() - WORKER_SILENT_MS_MAX);
    const figures = await readOperatingFigures(context.db, seenSince);
    for (const [metric, counts] of [
      [loads, figures.loads],
      [messages, figures.messages],
    ] as const) {
      metric.reset();
      for (const [state, count] of Object.entries(counts)) metric.set({ state }, count);
    }
    const { waitingSince } = figures;
    waiting.set(waitingSince === null ? 0 : (context.clock.now().getTime() - waitingSince.getTime()) / 1_000);
    workers.set(figures.workersAlive);
    figuresVersion.set(Number(figures.figuresVersion));
    rulebook.set(figures.rulebookId);
    drifting.set(figures.podsDrifting);
    await readSources();
    await readIntake();
    await readOutcomes(context.db, context.clock.now());
    await readAlerts();
  };
  const readAlerts = async () => {
    const calendar = await readFiscalCalendar(context.db);
    const told = await readPrecision(context.db, quarterOf(utcDate(context.clock.now()), calendar));
    crossings.set(told.crossings);
    alertsSent.set(told.sent);
    alertsActedOn.set(told.actedOn);
    alertsRestated.set(told.clearedByRestatement);
    alertsEscalated.set(told.escalated);
    podMonths.set(told.podMonths);
    quietPodMonths.set(told.quietPodMonths);
  };
  const readIntake = async () => {
    const { sources } = await readIntakeStatus(context.db);
    for (const metric of [eventAge, eventsWaiting, eventGap]) metric.reset();
    for (const { source, lastAt, received, unmapped, failed, gap } of sources) {
      if (lastAt !== null) eventAge.set({ source }, (context.clock.now().getTime() - lastAt.getTime()) / 1_000);
      for (const [state, count] of Object.entries({ received, unmapped, failed }))
        eventsWaiting.set({ source, state }, count);
      eventGap.set({ source }, gap);
    }
  };
  const readSources = async () => {
    const sources = await readSourceFigures(context.db, context.clock.now());
    for (const metric of [successAge, sourceFailures, circuit, requests, spent]) metric.reset();
    for (const figures of sources) {
      const labels = { source: figures.sourceId };
      if (figures.successAgeSeconds !== null) successAge.set(labels, figures.successAgeSeconds);
      sourceFailures.set(labels, figures.failures);
      circuit.set(labels, figures.isCircuitOpen ? 1 : 0);
      requests.set(labels, figures.requestsToday);
      spent.set(labels, figures.microdollarsToday);
    }
  };
  const readQueue = async () => {
    const counts = await context.queue.counts();
    jobs.reset();
    for (const [queue, states] of Object.entries(counts)) {
      for (const [state, count] of Object.entries(states)) jobs.set({ queue, state }, count);
    }
  };
  const answers = async (up: Gauge, what: string, read: () => Promise<void>) => {
    try {
      await withinTime(READ_TIMEOUT_MS, what, read);
      up.set(1);
    } catch (error) {
      context.logger.warn({ err: error }, `${what} did not answer for the metrics`);
      up.set(0);
    }
  };

  let lastRead: { at: number; done: Promise<unknown> } | undefined;
  const readOnce = async () => {
    const at = context.clock.now().getTime();
    if (lastRead === undefined || at - lastRead.at >= READ_EVERY_MS || at < lastRead.at) {
      const done = Promise.all([
        answers(databaseUp, 'the database', readDatabase),
        answers(queueUp, 'the queue', readQueue),
      ]);
      lastRead = { at, done };
    }
    await lastRead.done;
  };
  return {
    observe: ({ method, route, status, durationMs }) => {
      durations.observe({ method, route, status }, durationMs / 1000);
      if (status >= 500) failures.inc();
    },
    text: async () => {
      await readOnce();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
