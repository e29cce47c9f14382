/** Signed notes on periods, pods and figures: reading them, signing one, taking one back. */
import { Type } from 'typebox';
import { readAs } from '../../services/access/read-as.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { parsePeriod } from '../../services/kernel/period.ts';
import { listNotes } from '../../services/notes/note.ts';
import { signNote, withdrawNote } from '../../services/notes/sign-note.ts';
import { readFiscalCalendar } from '../../services/organisation/read-calendar.ts';
import { principalOf, READERS } from '../authorisation.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { firstOf, linkNextPage, readPageRequest } from '../paging.ts';
import { answerPost, IDEMPOTENCY_HEADERS } from '../repeatable.ts';
import { asResponse } from '../response.ts';
import { NoteBody, NoteParams, NoteQuery, NoteView, WithdrawalBody } from '../schemas/notes.ts';

const SIGNING_ROLES = ['finance', 'cio', 'operator', 'pod'] as const;

export function addNoteRoutes(app: ApiApp, context: ApiContext): void {
  const { db, clock } = context;

  app.get(
    '/api/v1/notes',
    {
      config: { roles: READERS },
      schema: {
        summary: 'Signed notes, newest first',
        description: 'Those about a period that lies within the asked one. A pod’s token sees those about its pods.',
        tags: ['notes'],
        querystring: NoteQuery,
        response: { 200: Type.Array(NoteView) },
      },
    },
    async (request, reply) => {
      const { period, podId, figure } = request.query;
      const { limit, after } = readPageRequest(request.query);
      if (after !== null && !/^\d{1,18}$/.test(after)) {
        throw new AppError('invalid_input', 'The cursor is not one that a page of this list gave out. Leave it out.');
      }
      const found = await readAs(db, principalOf(request), async (trx) => {
        const within = period === undefined ? undefined : parsePeriod(period, await readFiscalCalendar(trx));
        return listNotes(trx, {
          limit: limit + 1,
          ...(within === undefined ? {} : { within }),
          ...(podId === undefined ? {} : { podId }),
          ...(figure === undefined ? {} : { figure }),
          ...(after === null ? {} : { after }),
        });
      });
      const page = firstOf(found, ({ noteId }) => noteId, limit);
      linkNextPage(request, reply, page);
      return asResponse([...page.rows]);
    },
  );

  app.post(
    '/api/v1/notes',
    {
      config: { roles: SIGNING_ROLES },
      schema: {
        summary: 'Sign a note about a period, a pod, a figure, or several of them',
        description: 'The token’s principal signs. A pod’s token signs notes about its own pods.',
        tags: ['notes'],
        headers: IDEMPOTENCY_HEADERS,
        body: NoteBody,
        response: { 201: NoteView },
      },
    },
    (request, reply) =>
      answerPost(context, request, reply, async (trx) => {
        const signing = { principal: principalOf(request), at: clock.now() };
        return { status: 201, body: await signNote(trx, request.body, signing) };
      }),
  );

  app.post(
    '/api/v1/notes/:noteId/withdraw',
    {
      config: { roles: SIGNING_ROLES },
      schema: {
        summary: 'Take a note back by another that says why; both stay',
        tags: ['notes'],
        headers: IDEMPOTENCY_HEADERS,
        params: NoteParams,
        body: WithdrawalBody,
        response: { 201: NoteView },
      },
    },
    (request, reply) =>
      answerPost(context, request, reply, async (trx) => {
        const signing = { principal: principalOf(request), at: clock.now() };
        const given = { noteId: request.params.noteId, text: request.body.text };
        return { status: 201, body: await withdrawNote(trx, given, signing) };
      }),
  );
}
