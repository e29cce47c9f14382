/** Pods activated from pre-approved patterns: by a platform's pipeline, which asks nobody; and the approvals that were not needed. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { activatePattern, listActivations } from '../../services/envelopes/activate-pattern.ts';
import { activationsTable } from '../../services/reports/raise-tables.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { printedResponse } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { sendList } from '../send-list.ts';
import { asResponse } from '../response.ts';
import { ActivationBody, ActivationOutcomeView, ActivationQuery, ActivationView } from '../schemas/raises.ts';

export function addActivationRoutes(app: ApiApp, context: ApiContext): void {
  app.get(
    '/api/v1/activations',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Activations that stand, newest first, with the approvals each did without',
        tags: ['envelopes'],
        querystring: ActivationQuery,
        response: printedResponse('As `outturn envelopes activations`', Type.Array(ActivationView)),
      },
    },
    async (request, reply) => {
      const activations = await readAs(context.db, principalOf(request), (trx) => listActivations(trx));
      const keyOf = (one: (typeof activations)[number]) => JSON.stringify([one.podId, one.patternId, one.activatedOn]);
      return sendList(request, reply, { rows: activations, keyOf, toTable: activationsTable });
    },
  );

  app.post(
    '/api/v1/activations',
    {
      config: { roles: ['finance', 'operator', 'ingest'] },
      schema: {
        summary: 'Activate a pod from a pattern: it has the pattern’s envelope at once',
        description:
          'Once for each pod, pattern and date: again it changes nothing. Beyond the portfolio’s headroom it is made all the same, and the answer says so.',
        tags: ['envelopes'],
        headers: IDEMPOTENCY_HEADERS,
        body: ActivationBody,
        response: { 200: ActivationOutcomeView, 201: ActivationOutcomeView },
      },
    },
    async (request, reply) => {
      const { podId, patternId, on } = request.body;
      return answerPost(context, request, reply, async (trx) => {
        const outcome = await activatePattern(trx, {
          podId,
          patternId,
          ...(on === undefined ? {} : { on }),
          principal: principalOf(request),
          via: 'api',
          at: context.clock.now(),
        });
        return { status: outcome.change === 'created' ? 201 : 200, body: asResponse(outcome) };
      });
    },
  );
}
