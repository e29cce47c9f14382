/**
 * What people say of a period, a pod or a figure, with their name. Nobody changes a note, who signed it neither: a later note may withdraw
 * it, and both stay. The figures it is about are not touched by it.
 */
import assert from 'node:assert/strict';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { IsoDate } from '../kernel/period.ts';

/** Figures by their names in the reports. */
export const NOTED_FIGURES = [
  'cost.direct',
  'cost.shared',
  'cost.total',
  'cost.estimated',
  'envelope.used',
  'value.verified',
  'value.claimed',
  'value.beside',
  'return',
  'adjustments.cost',
  'adjustments.value',
  'unattributed.cost',
  'unattributed.verified',
  'coverage.cost',
  'coverage.joined',
  'unitCost',
  'reconciliation.difference',
  'invoice.difference',
] as const;

export interface Note {
  readonly noteId: string;
  /** Its days are half-open. */
  readonly period: { readonly id: string; readonly start: IsoDate; readonly end: IsoDate } | null;
  readonly podId: string | null;
  readonly figure: string | null;
  readonly text: string;
  readonly signedBy: string;
  readonly signedRole: string;
  readonly signedAt: string;
  /** The note that this one takes back. */
  readonly withdraws: string | null;
  /** The note that took this one back. */
  readonly withdrawnBy: string | null;
}

export interface NoteFilter {
  /** Notes about a period that lies within these days. */
  readonly within?: { readonly start: IsoDate; readonly end: IsoDate };
  /** Notes about exactly this pod; null for those about none. */
  readonly podId?: string | null;
  readonly figure?: string;
  readonly noteId?: string;
  /** Only those that were not taken back, and none that takes one back. */
  readonly standing?: boolean;
  readonly limit?: number;
  /** The `noteId` of the last one seen. */
  readonly after?: string;
}

const NOTES_SHOWN_MAX = 1_000;
/** More would be no notes any more; a statement is not closed without some of them. */
const NOTES_OF_DAYS_MAX = 10_000;

/** Notes, the newest first; a pod's reader sees those about its pods. */
export async function listNotes(db: Kysely<DB>, filter: NoteFilter = {}): Promise<Note[]> {
  const { within, podId, figure, noteId, standing = false, limit = NOTES_SHOWN_MAX, after } = filter;
  const { rows } = await sql<{ note: Note }>`
    select jsonb_build_object('noteId', note.id::text, 'podId', note.pod_id, 'figure', note.figure, 'text', note.text,
      'period', case when note.period_id is not null
        then jsonb_build_object('id', note.period_id, 'start', note.period_start, 'end', note.period_end) end,
      'signedBy', note.signed_by, 'signedRole', note.signed_role,
      'signedAt', to_char(note.signed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'withdraws', note.withdraws::text, 'withdrawnBy', later.id::text) as note
    from note left join note as later on later.withdraws = note.id
    where (${within === undefined} or (note.period_start >= ${within?.start ?? null}::date and note.period_end <= ${within?.end ?? null}::date))
      and (${podId === undefined} or note.pod_id is not distinct from ${podId ?? null})
      and (${figure === undefined} or note.figure = ${figure ?? null})
      and (${noteId === undefined} or note.id::text = ${noteId ?? null})
      and (${!standing} or (later.id is null and note.withdraws is null))
      and (${after ?? null}::bigint is null or note.id < ${after ?? null}::bigint)
    order by note.id desc limit ${limit}
  `.execute(db);
  return rows.map((row) => row.note);
}

/** Every note about exactly these days, those that were taken back among them, oldest first: what a statement of them keeps. */
export async function notesOfDays(db: Kysely<DB>, days: { start: IsoDate; end: IsoDate }): Promise<Note[]> {
  const found = await listNotes(db, { within: days, limit: NOTES_OF_DAYS_MAX + 1 });
  assert.ok(found.length <= NOTES_OF_DAYS_MAX, 'a statement keeps every note about its days');
  return found.filter(({ period }) => period?.start === days.start && period.end === days.end).toReversed();
}
