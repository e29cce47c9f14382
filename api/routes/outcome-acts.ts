/** What people do about an outcome, from claim to verified and back: the acts of `outturn outcomes`. Each answers with the state it comes to. */
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../services/kernel/errors.ts';
import { agreeShares } from '../../services/outcomes/acts/agree-shares.ts';
import { answerDuplicate } from '../../services/outcomes/duplicates/answer-duplicate.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import type { OutcomeAct } from '../../services/outcomes/acts/outcome-act.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { reviewOutcome } from '../../services/outcomes/acts/review-outcome.ts';
import { supersedeOutcome, type SupersessionRequest } from '../../services/outcomes/acts/supersede-outcome.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { principalOf } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { answerOutcomePost } from '../outcome-writers.ts';
import { IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import {
  ActedView,
  AgreeBody,
  AnswerDuplicateBody,
  AnsweredView,
  ClaimBody,
  OutcomeParams,
  RejectBody,
  RetractBody,
  ReviewedView,
  SupersedeBody,
  SupersededView,
  VerifiedView,
  VerifyBody,
} from '../schemas/outcome-acts.ts';

const SHARED = { tags: ['outcomes'], headers: IDEMPOTENCY_HEADERS, params: OutcomeParams };

export function addOutcomeActRoutes(app: ApiApp, context: ApiContext): void {
  const acting = (request: FastifyRequest, { outcomeId }: { outcomeId: string }): OutcomeAct => ({
    outcomeId,
    principal: principalOf(request),
    at: context.clock.now(),
  });
  addClaim(app, context, acting);
  addReview(app, context, acting);
  addRefusals(app, context, acting);
  addAgreement(app, context, acting);
  addDuplicates(app, context, acting);
}

type Acting = (request: FastifyRequest, params: { outcomeId: string }) => OutcomeAct;

function addClaim(app: ApiApp, context: ApiContext, acting: Acting): void {
  app.post(
    '/api/v1/outcomes/:outcomeId/claim',
    {
      config: { roles: ['finance', 'operator', 'pod'] },
      schema: {
        ...SHARED,
        summary: 'Claim a candidate, or what was rejected or retracted; or say more about a claim',
        description:
          'What is given replaces what is stored, what is absent stays. A claim needs a basis and an amount or a count; what gates its verification may come later. Changing something verified makes it a claim again.',
        body: ClaimBody,
        response: { 200: ActedView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => {
        const act = { ...acting(request, request.params), input: request.body };
        return { status: 200, body: await claimOutcome(trx, act) };
      }),
  );
}

function addReview(app: ApiApp, context: ApiContext, acting: Acting): void {
  app.post(
    '/api/v1/outcomes/:outcomeId/review',
    {
      config: { roles: ['finance'] },
      schema: {
        ...SHARED,
        summary: 'Take a claim into review; the answer says what is missing to its verification',
        response: { 200: ReviewedView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => ({
        status: 200,
        body: await reviewOutcome(trx, acting(request, request.params)),
      })),
  );
  app.post(
    '/api/v1/outcomes/:outcomeId/verify',
    {
      config: { roles: ['finance'] },
      schema: {
        ...SHARED,
        summary: 'Verify it: whole, or row by row of its schedule, each in full or in part',
        description:
          'By somebody who neither claimed nor owns it and belongs to no receiving pod. A 409 names everything that is missing, each with its fix, or what changed since the version that was read.',
        body: VerifyBody,
        response: { 200: VerifiedView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => ({
        status: 200,
        body: await verifyOutcome(trx, { ...acting(request, request.params), ...request.body }),
      })),
  );
}

const REFUSALS = [
  {
    act: 'reject',
    roles: ['finance'],
    work: rejectOutcome,
    body: RejectBody,
    summary: 'Reject a claim or a candidate, with a reason',
  },
  {
    act: 'retract',
    roles: ['finance', 'pod'],
    work: retractOutcome,
    body: RetractBody,
    summary: 'Take back what counts, with a reason; closed periods book the difference as an adjustment',
  },
] as const;

function addRefusals(app: ApiApp, context: ApiContext, acting: Acting): void {
  for (const { act, roles, work, body, summary } of REFUSALS) {
    app.post(
      `/api/v1/outcomes/:outcomeId/${act}`,
      {
        config: { roles },
        schema: { ...SHARED, summary, body, response: { 200: ActedView } },
      },
      (request, reply) =>
        answerOutcomePost(context, request, reply, async (trx) => ({
          status: 200,
          body: await work(trx, { ...acting(request, request.params), ...request.body }),
        })),
    );
  }
  app.post(
    '/api/v1/outcomes/:outcomeId/supersede',
    {
      config: { roles: ['finance', 'pod'] },
      schema: {
        ...SHARED,
        summary: 'Let another outcome take its place, in one transaction',
        description: 'The successor is there already (`successorId`) or is stated with it. References lead to it then.',
        body: SupersedeBody,
        response: { 200: SupersededView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => {
        const successor = successorOf(request.body);
        const { reason } = request.body;
        const act = { ...acting(request, request.params), reason, successor };
        return { status: 200, body: await supersedeOutcome(trx, act) };
      }),
  );
}

function successorOf({
  successorId,
  successor,
}: {
  successorId?: string;
  successor?: Extract<SupersessionRequest['successor'], { statement: unknown }>['statement'];
}): SupersessionRequest['successor'] {
  if (successorId !== undefined && successor === undefined) return { outcomeId: successorId };
  if (successor !== undefined && successorId === undefined) return { statement: successor };
  throw new AppError('invalid_input', 'Name the successor: either "successorId" of one that is there, or "successor".');
}

function addAgreement(app: ApiApp, context: ApiContext, acting: Acting): void {
  app.post(
    '/api/v1/outcomes/:outcomeId/agree',
    {
      config: { roles: ['finance', 'cio', 'operator', 'reader', 'pod'] },
      schema: {
        ...SHARED,
        summary: 'Agree to the share of a pod: by its owner or a token of it, or settled by finance',
        body: AgreeBody,
        response: { 200: ActedView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => ({
        status: 200,
        body: await agreeShares(trx, { ...acting(request, request.params), ...request.body }),
      })),
  );
}

function addDuplicates(app: ApiApp, context: ApiContext, acting: Acting): void {
  app.post(
    '/api/v1/outcomes/:outcomeId/answer-duplicate',
    {
      config: { roles: ['finance'] },
      schema: {
        ...SHARED,
        summary: 'Answer whether it is another outcome once more',
        body: AnswerDuplicateBody,
        response: { 200: AnsweredView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => ({
        status: 200,
        body: await answerDuplicate(trx, { ...acting(request, request.params), ...request.body }),
      })),
  );
}
