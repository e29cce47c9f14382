/** Signing a note, and taking one back with another. A person signs; a pod's token signs for its own pods. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import { type Period, parsePeriod } from '../kernel/period.ts';
import { localOperator, type Principal } from '../kernel/ports.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import { didYouMean, listWords } from '../organisation/suggestion.ts';
import { listNotes, NOTED_FIGURES, type Note } from './note.ts';

export interface NoteDraft {
  /** A month, quarter, year or half-open days. */
  readonly period?: string;
  readonly podId?: string;
  readonly figure?: string;
  readonly text: string;
}

interface Signing {
  readonly principal: Principal;
  readonly at: Date;
}

const TEXT_LENGTH_MAX = 4_000;
const SIGNING_ROLES: readonly Principal['role'][] = ['finance', 'cio', 'operator', 'pod'];

/**
 * Signs a note about a period, a pod, a figure, or any of them together.
 * @throws AppError invalid_input (nothing it is about, no text, an unknown figure), invalid_period, not_found (pod), forbidden.
 */
export async function signNote(trx: Transaction<DB>, draft: NoteDraft, signing: Signing): Promise<Note> {
  requireSigner(signing.principal);
  const { podId, figure } = draft;
  if (draft.period === undefined && podId === undefined && figure === undefined) {
    throw new AppError('invalid_input', 'Say what the note is about: a period, a pod, a figure, or several of them.');
  }
  if (figure !== undefined && !NOTED_FIGURES.some((name) => name === figure)) {
    const fix = didYouMean(figure, NOTED_FIGURES) ?? `Use ${listWords(NOTED_FIGURES)}.`;
    throw new AppError('invalid_input', `"${figure}" is no figure of the reports. ${fix}`);
  }
  await requirePod(trx, podId, signing.principal);
  const period = draft.period === undefined ? null : parsePeriod(draft.period, await readFiscalCalendar(trx));
  const subject = { period, podId: podId ?? null, figure: figure ?? null };
  return insertNote(trx, { subject, text: checkedText(draft.text), withdraws: null }, signing);
}

/**
 * Takes a note back by another that says why; both stay, about the same.
 * @throws AppError not_found, conflict where it was taken back already or takes one back itself, forbidden for who neither signed it nor is finance.
 */
export async function withdrawNote(
  trx: Transaction<DB>,
  { noteId, text }: { noteId: string; text: string },
  signing: Signing,
): Promise<Note> {
  requireSigner(signing.principal);
  const { principal } = signing;
  const [note] = await listNotes(trx, { noteId });
  const isHidden = principal.role === 'pod' && !principal.pods.includes(note?.podId ?? '');
  if (note === undefined || isHidden) throw new AppError('not_found', `There is no note ${noteId}.`);
  if (note.withdraws !== null) throw new AppError('conflict', `Note ${noteId} takes another back; sign a new one.`);
  if (note.withdrawnBy !== null) {
    throw new AppError('conflict', `Note ${noteId} was taken back by note ${note.withdrawnBy} already.`);
  }
  if (note.signedBy !== principal.id && principal.role !== 'finance') {
    throw new AppError('forbidden', `${note.signedBy} signed note ${noteId}: they take it back, or finance does.`);
  }
  const subject = { period: note.period, podId: note.podId, figure: note.figure };
  return insertNote(trx, { subject, text: checkedText(text), withdraws: noteId }, signing);
}

async function insertNote(
  trx: Transaction<DB>,
  given: {
    subject: { period: Pick<Period, 'id' | 'start' | 'end'> | null; podId: string | null; figure: string | null };
    text: string;
    withdraws: string | null;
  },
  { principal, at }: Signing,
): Promise<Note> {
  const { subject, text, withdraws } = given;
  const { period, podId, figure } = subject;
  const { rows } = await sql<{ id: string }>`
    insert into note (period_id, period_start, period_end, pod_id, figure, text, withdraws, signed_by, signed_role, signed_at)
    values (${period?.id ?? null}, ${period?.start ?? null}::date, ${period?.end ?? null}::date, ${podId}, ${figure}, ${text},
      ${withdraws}::bigint, ${principal.id}, ${principal.role}, ${at.toISOString()}::timestamptz)
    on conflict (withdraws) do nothing
    returning id::text as id
  `.execute(trx);
  const noteId = rows[0]?.id;
  // Between looking and writing somebody else did.
  if (noteId === undefined) throw new AppError('conflict', `Note ${withdraws} was taken back a moment ago.`);
  const action = withdraws === null ? 'sign-note' : 'withdraw-note';
  const details = { period: period?.id ?? null, podId, figure, ...(withdraws === null ? {} : { withdraws }) };
  await recordAudit(trx, { at, principal, action, subjectKind: 'note', subjectId: noteId, details });
  const [note] = await listNotes(trx, { noteId });
  if (note === undefined) throw new Error(`note ${noteId} was signed and is not there`);
  return note;
}

function requireSigner(principal: Principal): void {
  if (principal.id === localOperator.id) {
    throw new AppError('forbidden', 'A note is signed by a person: set OUTTURN_TOKEN to a token of yours.');
  }
  if (!SIGNING_ROLES.includes(principal.role)) {
    throw new AppError('forbidden', `The role ${principal.role} signs no notes; ${listWords(SIGNING_ROLES)} do.`);
  }
}

async function requirePod(trx: Transaction<DB>, podId: string | undefined, principal: Principal): Promise<void> {
  if (principal.role === 'pod' && (podId === undefined || !principal.pods.includes(podId))) {
    throw new AppError(
      'forbidden',
      `A pod's token signs notes about its own pods: name one of ${listWords(principal.pods)}.`,
    );
  }
  if (podId === undefined) return;
  const known = await trx.selectFrom('pod').select('id').execute();
  if (known.some(({ id }) => id === podId)) return;
  const fix =
    didYouMean(
      podId,
      known.map(({ id }) => id),
    ) ?? '"outturn plan" shows the pods there are.';
  throw new AppError('not_found', `"${podId}" is no pod of the organisation. ${fix}`);
}

function checkedText(text: string): string {
  const said = text.trim();
  if (said === '' || said.length > TEXT_LENGTH_MAX) {
    throw new AppError('invalid_input', `A note has 1 to ${TEXT_LENGTH_MAX} characters.`);
  }
  return said;
}
