/** From a figure down to the bill's lines. A pod's token sees what is wholly its own. */
import type { FastifyRequest } from 'fastify';
import { explainAs } from '../../services/access/explain-as.ts';
import { explain, type ExplainRequest, type Explanation } from '../../services/attribution/explain.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { createAsKnownReader } from '../as-known.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { createLimiter } from '../limiter.ts';
import { printed, printedJson } from '../printed.ts';
import { ChargesQuery, ExplanationView, OriginExplanationView, OriginParams, OriginQuery } from '../schemas/charges.ts';

/** Lines are read by a child process with a memory limit of its own: few at once. */
const EXPLAINING_MAX = 2;
const WAITING_MAX = 20;

export function addChargeRoutes(app: ApiApp, { db, workDir, clock }: ApiContext): void {
  const readAsKnown = createAsKnownReader({ db, clock });
  const limited = createLimiter(EXPLAINING_MAX, WAITING_MAX);
  const optionsOf = (request: FastifyRequest, lines: number | undefined) => ({
    workDir,
    signal: request.signal,
    ...(lines === undefined ? {} : { linesPerOrigin: lines }),
  });
  const answer = (request: FastifyRequest, asked: ExplainRequest, lines: number | undefined): Promise<Explanation> =>
    limited(async () => {
      const at = clock.now();
      if ('period' in asked) await prepareConversions(db, { period: asked.period, at });
      return explainAs(db, principalOf(request), asked, { at, ...optionsOf(request, lines) });
    });
  const answerAsKnown = (request: FastifyRequest, asked: ExplainRequest, known: { when: string; lines?: number }) => {
    if (!('period' in asked) || asked.period === undefined) {
      throw new AppError(
        'invalid_input',
        'An origin or a resource is explained as known now; leave asKnown out, or name a period.',
      );
    }
    const { period } = asked;
    return readAsKnown(request, { period, asKnown: known.when, needsCharges: true }, async (trx, at) => {
      await prepareConversions(trx, { period, at });
      return explain(trx, asked, { at, ...optionsOf(request, known.lines) });
    });
  };

  app.get(
    '/api/v1/charges',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Why a cost is where it is, down to the lines of the bill',
        description:
          'Of a period (`period`; with `podId` of one pod), of an origin (`originId`), of a resource (`resourceId`), or of an outcome (`outcomeId`, with `period` or without). Closed days are as their statements froze them.',
        tags: ['bills'],
        querystring: ChargesQuery,
        response: printedJson('As `outturn explain`', ExplanationView),
      },
    },
    async (request, reply) => {
      const { asKnown: when, lines, ...query } = request.query;
      const asked = readSubject(query);
      const explanation =
        when === undefined
          ? await answer(request, asked, lines)
          : await answerAsKnown(request, asked, { when, ...(lines === undefined ? {} : { lines }) });
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
  asNow?: boolean;
  isBilled?: boolean;
  originId?: string;
  resourceId?: string;
  outcomeId?: string;
}): ExplainRequest {
  const { originId, resourceId, outcomeId, ...cell } = query;
  const { podId, period, ...narrowed } = cell;
  const isOfCell = Object.keys(narrowed).length > 0 || podId !== undefined;
  const named = [originId, resourceId, outcomeId].filter((id) => id !== undefined).length;
  if (named === 0 && period !== undefined) {
    return { period, ...narrowed, ...(podId === undefined ? {} : { podId: podId === '' ? null : podId }) };
  }
  if (named === 1 && !isOfCell) {
    if (outcomeId !== undefined) return { outcomeId, ...(period === undefined ? {} : { period }) };
    if (originId !== undefined && period === undefined) return { originId };
    if (resourceId !== undefined && period === undefined) return { resourceId };
  }
  throw new AppError(
    'invalid_input',
    'Ask for one thing: period (with podId or not), originId, resourceId, or outcomeId.',
  );
}
