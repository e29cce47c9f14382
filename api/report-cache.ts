/**
 * Answers of reports that were given before. Every transaction that changes a figure raises figures_version, so the counter is part of
 * the key and an answer is never taken away, only no longer asked for; what a pod's token may see is part of it too. Besides figures a
 * report depends on the instant (a month stays open until its sources have settled), which counts by the minute.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock, Principal } from '../services/kernel/ports.ts';
import { principalOf } from './authorisation.ts';
import type { ReportTable } from '../services/sheets/report-table.ts';
import { answerOf, preferredForm, type PrintedAnswer, sendAnswer } from './printed.ts';

/** Characters, and bytes of workbooks, of all answers together; the one not asked for longest goes first. */
const LENGTH_MAX = 16_000_000;
const MINUTE_MS = 60_000;

export interface ReportCache {
  /** Sends the report in the form the caller prefers; `read` is called where no answer is known. */
  send<Report extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    read: () => Promise<Report>,
    toTable: (report: Report) => ReportTable,
  ): Promise<FastifyReply>;
  /** Sends what `make` gives for this question in this form; what it depends on beside figures, the principal and the query is in `form`. */
  sendMade(
    request: FastifyRequest,
    reply: FastifyReply,
    form: string,
    make: () => Promise<PrintedAnswer>,
  ): Promise<FastifyReply>;
}

/** A cache of one process. */
export function createReportCache({ clock }: { clock: Clock }): ReportCache {
  const answers = new Map<string, PrintedAnswer>();
  const running = new Map<string, Promise<PrintedAnswer>>();
  let length = 0;

  const remember = (key: string, answer: PrintedAnswer) => {
    if (answer.body.length > LENGTH_MAX / 4) return;
    answers.set(key, answer);
    length += answer.body.length;
    for (const [oldest, { body }] of answers) {
      if (length <= LENGTH_MAX) break;
      answers.delete(oldest);
      length -= body.length;
    }
  };

  const cache: ReportCache = {
    send: (request, reply, read, toTable) =>
      cache.sendMade(request, reply, preferredForm(request.headers.accept), async () =>
        answerOf(request, await read(), toTable),
      ),
    async sendMade(request, reply, form, make) {
      const minute = Math.floor(clock.now().getTime() / MINUTE_MS);
      const key = keyOf(request, minute, form);
      const known = answers.get(key);
      if (known !== undefined) {
        answers.delete(key); // Set again, it is the newest.
        answers.set(key, known);
        return sendAnswer(reply, known);
      }
      // Who asks the same while it is made waits for the same answer.
      const answer =
        running.get(key) ??
        make().then((made) => {
          remember(key, made);
          return made;
        });
      running.set(key, answer);
      const made = await answer.finally(() => {
        if (running.get(key) === answer) running.delete(key);
      });
      return sendAnswer(reply, made);
    },
  };
  return cache;
}

/** The counter was read before the figures are: a change in between files newer figures under a version that nobody will ask for again. */
function keyOf(request: FastifyRequest, minute: number, form: string): string {
  const query = Object.entries(request.query as Record<string, unknown>).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return JSON.stringify([
    request.figuresVersion,
    minute,
    scopeOf(principalOf(request)),
    request.routeOptions.url,
    query,
    form,
  ]);
}

function scopeOf(principal: Principal): readonly string[] | null {
  return principal.role === 'pod' ? [...principal.pods].sort() : null;
}
