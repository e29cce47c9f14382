/**
 * Evidence of outcomes: links as JSON, files as they are. A file is given back as a download that no browser opens, frames or runs.
 */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { breakEvidence, mendEvidence } from '../../services/evidence/break-evidence.ts';
import { listEvidence } from '../../services/evidence/evidence.ts';
import { readEvidenceFile } from '../../services/evidence/read-evidence-file.ts';
import { EVIDENCE_BYTES_MAX } from '../../services/evidence/recognise-file.ts';
import { recordEvidence, uploadEvidence } from '../../services/evidence/record-evidence.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { answerOutcomePost } from '../outcome-writers.ts';
import { IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import {
  EvidenceFileParams,
  EvidenceLinkBody,
  EvidenceParams,
  EvidencePieceParams,
  EvidenceQuery,
  EvidenceReasonBody,
  EvidenceViewSchema,
  RecordedEvidenceView,
  TouchedEvidenceView,
} from '../schemas/evidence.ts';

const BYTES_TYPE = 'application/octet-stream';
const ADDING_ROLES = ['finance', 'operator', 'pod', 'ingest'] as const;

export function addEvidenceRoutes(app: ApiApp, context: ApiContext): void {
  const { db, clock } = context;
  // One more than is kept, so that a file too large is refused with the sentence that says what to do.
  app.addContentTypeParser(
    BYTES_TYPE,
    { parseAs: 'buffer', bodyLimit: EVIDENCE_BYTES_MAX + 1 },
    (_request, body, done) => done(null, body),
  );
  const acting = (request: FastifyRequest) => ({ principal: principalOf(request), at: clock.now() });

  app.get(
    '/api/v1/outcomes/:outcomeId/evidence',
    {
      config: { roles: READERS },
      schema: {
        summary: 'The evidence of an outcome, oldest first',
        tags: ['outcomes'],
        params: EvidenceParams,
        response: { 200: Type.Object({ evidence: Type.Array(EvidenceViewSchema) }) },
      },
    },
    async (request) => {
      const { outcomeId } = request.params;
      return asResponse({ evidence: await readAs(db, principalOf(request), (trx) => listEvidence(trx, outcomeId)) });
    },
  );

  app.post(
    '/api/v1/outcomes/:outcomeId/evidence',
    {
      config: { roles: ADDING_ROLES },
      schema: {
        summary: 'Add evidence: a link as JSON, or a file as it is',
        description:
          'A file is sent as `application/octet-stream` with `fileName`: at most 10 MB, a document, picture or text whose content is what its name says. It is kept by its hash and never opened here. The same again changes nothing. 409 where all files, or those of one name in a day, would hold more than the organisation allows.',
        tags: ['outcomes'],
        consumes: ['application/json', BYTES_TYPE],
        headers: IDEMPOTENCY_HEADERS,
        params: EvidenceParams,
        querystring: EvidenceQuery,
        body: {
          content: {
            'application/json': { schema: EvidenceLinkBody },
            [BYTES_TYPE]: { schema: Type.Unsafe<Buffer>({ description: 'The file itself.' }) },
          },
        },
        response: { 200: RecordedEvidenceView, 201: RecordedEvidenceView },
      },
    },
    (request, reply) =>
      answerOutcomePost(context, request, reply, async (trx) => {
        const { outcomeId } = request.params;
        const { evidenceId, change } = Buffer.isBuffer(request.body)
          ? await uploadEvidence(trx, { outcomeId, ...fileOf(request), ...acting(request) })
          : await recordEvidence(trx, { outcomeId, ...linkOf(request.body), ...acting(request) });
        return { status: change === 'created' ? 201 : 200, body: { evidenceId, change } };
      }),
  );

  app.get(
    '/api/v1/outcomes/:outcomeId/evidence/files/:sha256',
    {
      config: { roles: READERS },
      schema: {
        summary: 'An uploaded file, as a download',
        tags: ['outcomes'],
        params: EvidenceFileParams,
        response: {
          200: { description: 'The bytes as they were sent', content: { [BYTES_TYPE]: { schema: Type.Unsafe({}) } } },
        },
      },
    },
    async (request, reply) => {
      const { outcomeId, sha256 } = request.params;
      const file = await readAs(db, principalOf(request), (trx) => readEvidenceFile(trx, outcomeId, sha256));
      void reply
        .type(file.mediaType)
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeName(file.fileName)}`)
        .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox")
        .header('cross-origin-resource-policy', 'same-origin');
      return reply.send(file.content);
    },
  );

  for (const { act, work, summary, roles } of ACTS) {
    app.post(
      `/api/v1/outcomes/:outcomeId/evidence/:evidenceId/${act}`,
      {
        config: { roles },
        schema: {
          summary,
          tags: ['outcomes'],
          headers: IDEMPOTENCY_HEADERS,
          params: EvidencePieceParams,
          body: EvidenceReasonBody,
          response: { 200: TouchedEvidenceView },
        },
      },
      (request, reply) =>
        answerOutcomePost(context, request, reply, async (trx) => {
          const evidence = await work(trx, { ...request.params, ...request.body, ...acting(request) });
          return { status: 200, body: { evidence } };
        }),
    );
  }
}

const ACTS = [
  { act: 'break', work: breakEvidence, summary: 'Say that evidence no longer holds, and why', roles: ADDING_ROLES },
  { act: 'mend', work: mendEvidence, summary: 'Say that broken evidence holds again, and why', roles: ['finance'] },
] as const;

function fileOf(request: FastifyRequest): { fileName: string; bytes: Buffer } {
  const { fileName } = request.query as { fileName?: string };
  if (fileName === undefined) throw new AppError('invalid_input', 'Say what the file is called: add ?fileName=….');
  return { fileName, bytes: request.body as Buffer };
}

/** What was sent as JSON was checked as JSON. */
function linkOf(body: unknown) {
  if (typeof body !== 'object' || body === null) {
    throw new AppError('invalid_input', `Send a link as JSON, or a file as ${BYTES_TYPE} with ?fileName=….`);
  }
  const { url, title, sha256, capturedAt } = body as {
    url: string;
    title?: string;
    sha256?: string;
    capturedAt?: string;
  };
  const seenAt = capturedAt === undefined ? undefined : new Date(capturedAt);
  if (seenAt !== undefined && Number.isNaN(seenAt.getTime())) {
    throw new AppError('invalid_input', `capturedAt "${capturedAt}" is no instant: write it as 2026-09-15T12:00:00Z.`);
  }
  return {
    kind: 'link' as const,
    uri: url,
    ...(title === undefined ? {} : { title }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(seenAt === undefined ? {} : { capturedAt: seenAt }),
  };
}

/** RFC 8187: what encodeURIComponent leaves and the header does not take. */
function encodeName(name: string): string {
  return encodeURIComponent(name).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
