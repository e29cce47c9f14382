/** What people do about an alert, over HTTP: the acts of `outturn alerts`. A pod's token acts on its own pods' alerts. */
import {
  acknowledgeAlert,
  type ActOutcome,
  type Acting,
  dismissAlert,
  releaseAlert,
  snoozeAlert,
} from '../../services/alerts/act-on-alert.ts';
import { ACT_ROLES, type AlertAct } from '../../services/alerts/may-act.ts';
import { retryAlert } from '../../services/alerts/retry-alert.ts';
import type { FastifyRequest } from 'fastify';
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { principalOf } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { ActView, AlertParams, SnoozeBody } from '../schemas/alert-acts.ts';

type Act = (db: Kysely<DB>, acting: Acting) => Promise<ActOutcome>;

const ACTS: readonly { act: Exclude<AlertAct, 'snooze'>; work: Act; summary: string }[] = [
  { act: 'acknowledge', work: acknowledgeAlert, summary: 'Somebody of the scope has seen it: it does not escalate' },
  { act: 'release', work: releaseAlert, summary: 'Send a held alert to its channel' },
  { act: 'dismiss', work: dismissAlert, summary: 'Keep a held alert from its channel' },
  { act: 'retry', work: retryAlert, summary: 'Deliver again what failed, or whose delivery is unknown' },
];

export function addAlertActRoutes(app: ApiApp, context: ApiContext): void {
  const acting = (request: FastifyRequest, alertId: string): Acting => ({
    alertId,
    principal: principalOf(request),
    via: 'api',
    at: context.clock.now(),
  });
  for (const { act, work, summary } of ACTS) {
    app.post(
      `/api/v1/alerts/:alertId/${act}`,
      {
        config: { roles: ACT_ROLES[act] },
        schema: {
          summary,
          tags: ['envelopes'],
          headers: IDEMPOTENCY_HEADERS,
          params: AlertParams,
          response: { 200: ActView },
        },
      },
      (request, reply) =>
        answerPost(context, request, reply, async (trx) => {
          const outcome = await work(trx, acting(request, request.params.alertId));
          return { status: 200, body: viewOf(request.params.alertId, outcome) };
        }),
    );
  }
  app.post(
    '/api/v1/alerts/:alertId/snooze',
    {
      config: { roles: ACT_ROLES.snooze },
      schema: {
        summary: 'The same rung is not told again until a date; never one at the limit',
        tags: ['envelopes'],
        headers: IDEMPOTENCY_HEADERS,
        params: AlertParams,
        body: SnoozeBody,
        response: { 200: ActView },
      },
    },
    (request, reply) =>
      answerPost(context, request, reply, async (trx) => {
        const { alertId } = request.params;
        const until = new Date(`${request.body.until}T00:00:00Z`);
        const outcome = await snoozeAlert(trx, { ...acting(request, alertId), until });
        return { status: 200, body: viewOf(alertId, outcome) };
      }),
  );
}

function viewOf(alertId: string, outcome: ActOutcome) {
  return { alertId, isDone: outcome.kind === 'done', reason: outcome.kind === 'done' ? null : outcome.reason };
}
