/** From a figure down to the bill's lines. A pod's token sees what is wholly its own. */
import type { FastifyRequest } from 'fastify';
import { explainAs } from '../../services/access/explain-as.ts';
import type { ExplainRequest, Explanation } from '../../services/attribution/explain.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { createLimiter } from '../limiter.ts';
import { printed, printedJson } from '../printed.ts';
import { ChargesQuery, ExplanationView, OriginExplanationView, OriginParams, OriginQuery } from '../schemas/charges.ts';

/** Lines are read by a child process with a memory limit of its own: few at once. */
const EXPLAINING_MAX = 2;
const WAITING_MAX = 20;

export function addChargeRoutes(app: ApiApp, { db, workDir }: ApiContext): void {
  const limited = createLimiter(EXPLAINING_MAX, WAITING_MAX);
  const answer = (request: FastifyRequest, asked: ExplainRequest, lines: number | undefined): Promise<Explanation> =>
    limited(() =>
      explainAs(db, principalOf(request), asked, {
        workDir,
        signal: request.signal,
        ...(lines === undefined ? {} : { linesPerOrigin: lines }),
      }),
    );

  app.get(
    '/api/v1/charges',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Why a cost is where it is, down to the lines of the bill',
        description:
          'Of a pod in a period (`podId` and `period`), of an origin (`originId`), of a resource (`resourceId`), or of an outcome (`outcomeId`, with `period` or without).',
        tags: ['bills'],
        querystring: ChargesQuery,
        response: printedJson('As `outturn explain`', ExplanationView),
      },
    },
    async (request, reply) => {
      const explanation = await answer(request, readSubject(request.query), request.query.lines);
      return reply.type('application/json; charset=utf-8').send(printed(explanation));
    },
  );

  app.get(
    '/api/v1/origins/:originId/explanation',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Which rule won for an origin, when, and why each rule before it did not',
        tags: ['bills'],
        params: OriginParams,
        querystring: OriginQuery,
        response: printedJson('As `outturn explain --origin`', OriginExplanationView),
      },
    },
    async (request, reply) => {
      const explanation = await answer(request, { originId: request.params.originId }, request.query.lines);
      return reply.type('application/json; charset=utf-8').send(printed(explanation));
    },
  );
}

function readSubject(query: {
  podId?: string;
  period?: string;
  where?: string[];
  originId?: string;
  resourceId?: string;
  outcomeId?: string;
}): ExplainRequest {
  const { podId, period, where, originId, resourceId, outcomeId } = query;
  const isOther = podId !== undefined || where !== undefined || originId !== undefined || resourceId !== undefined;
  if (outcomeId !== undefined && !isOther) return { outcomeId, ...(period === undefined ? {} : { period }) };
  if (
    outcomeId === undefined &&
    podId !== undefined &&
    period !== undefined &&
    originId === undefined &&
    resourceId === undefined
  ) {
    return { podId: podId === '' ? null : podId, period, ...(where === undefined ? {} : { where }) };
  }
  if (outcomeId === undefined && podId === undefined && period === undefined && where === undefined) {
    if (originId !== undefined && resourceId === undefined) return { originId };
    if (resourceId !== undefined && originId === undefined) return { resourceId };
  }
  throw new AppError('invalid_input', 'Ask for one thing: podId with period, originId, resourceId, or outcomeId.');
}
