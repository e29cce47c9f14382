/** What an organisation file would move, in money, before anything is changed; and the plans that were applied. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { listPlans, readPlan } from '../../services/organisation/list-plans.ts';
import { planInMoney } from '../../services/organisation/plan-in-money.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { principalOf } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest, rowNumberOf } from '../paging.ts';
import { createLimiter } from '../limiter.ts';
import { printed, printedJson } from '../printed.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { ListedPlanView, PlanBody, PlanParams, PlansQuery, PlanView, StoredPlanView } from '../schemas/plans.ts';

/** An organisation file with years of exchange rates beside it. */
const BODY_BYTES_MAX = 24 * 1_048_576;
const STATEMENT_TIMEOUT_MS = 50_000;
const ROLES = ['finance', 'operator'] as const;
/** A plan makes a year's figures anew: one at a time leaves the reports their share of the machine. */
const RUNNING_MAX = 1;
const WAITING_MAX = 4;

export function addPlanRoutes(app: ApiApp, context: ApiContext): void {
  const { db, clock } = context;
  const limit = createLimiter(RUNNING_MAX, WAITING_MAX);

  app.post(
    '/api/v1/plan',
    {
      bodyLimit: BODY_BYTES_MAX,
      config: { roles: ROLES },
      schema: {
        summary: 'What an organisation file would move, in money per pod and month',
        description: 'Changes nothing, so it may be repeated freely. `outturn apply` makes it so.',
        tags: ['organisation'],
        headers: IDEMPOTENCY_HEADERS,
        body: PlanBody,
        response: printedJson('As `outturn plan --json`', PlanView),
      },
    },
    async (request, reply) => {
      const { organisation: sourceText, fxFiles } = request.body;
      const file = { organisation: parseOrganisation(sourceText), sourceText, folder: '' };
      const asked = { file, rates: fxFiles ?? null, at: clock.now(), statementTimeoutMs: STATEMENT_TIMEOUT_MS };
      const answer = await limit(() =>
        answerPost(context, request, reply, async () => ({ status: 200, body: await planInMoney(db, asked) })),
      );
      reply.type('application/json; charset=utf-8');
      return reply.send(printed(answer));
    },
  );

  app.get(
    '/api/v1/plans',
    {
      config: { roles: ROLES },
      schema: {
        summary: 'The plans that were applied, newest first',
        tags: ['organisation'],
        querystring: PlansQuery,
        response: { 200: Type.Array(ListedPlanView) },
      },
    },
    async (request, reply) => {
      const { limit: rowsMax, after } = readPageRequest(request.query);
      const asked = { before: rowNumberOf(after), limit: rowsMax + 1 };
      const plans = await readAs(db, principalOf(request), (trx) => listPlans(trx, asked));
      const page = firstOf(plans, (plan) => plan.planId, rowsMax);
      linkNextPage(request, reply, page);
      return asResponse(page.rows);
    },
  );

  app.get(
    '/api/v1/plans/:planId',
    {
      config: { roles: ROLES },
      schema: {
        summary: 'One applied plan, as it was told then',
        tags: ['organisation'],
        params: PlanParams,
        response: printedJson('As `outturn plans ID --json`', StoredPlanView),
      },
    },
    async (request, reply) => {
      const { planId } = request.params;
      const plan = await readAs(db, principalOf(request), (trx) => readPlan(trx, planId));
      reply.type('application/json; charset=utf-8');
      return reply.send(printed(plan));
    },
  );
}
