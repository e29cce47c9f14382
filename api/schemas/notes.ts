/** Signed notes over HTTP. */
import { Type } from 'typebox';
import { NOTED_FIGURES } from '../../services/notes/note.ts';
import { PAGE_QUERY } from '../paging.ts';
import { DateText, Id, InstantText, nullable, oneOf, PeriodText } from './common.ts';

const Figure = oneOf(NOTED_FIGURES, 'A figure by its name in the reports.');
const Text = Type.String({ minLength: 1, maxLength: 4_000, description: 'In your own words; shown as it is.' });

export const NoteQuery = Type.Object(
  {
    ...PAGE_QUERY,
    period: Type.Optional(PeriodText),
    podId: Type.Optional(Id),
    figure: Type.Optional(Figure),
  },
  { additionalProperties: false },
);

export const NoteBody = Type.Object(
  { period: Type.Optional(PeriodText), podId: Type.Optional(Id), figure: Type.Optional(Figure), text: Text },
  { additionalProperties: false },
);

export const NoteParams = Type.Object({ noteId: Id });
export const WithdrawalBody = Type.Object({ text: Text }, { additionalProperties: false });

export const NoteView = Type.Object({
  noteId: Type.String(),
  period: nullable(Type.Object({ id: Type.String(), start: DateText, end: DateText })),
  podId: nullable(Id),
  figure: nullable(Type.String()),
  text: Type.String(),
  signedBy: Type.String(),
  signedRole: Type.String(),
  signedAt: InstantText,
  withdraws: nullable(Type.String({ description: 'The note that this one takes back.' })),
  withdrawnBy: nullable(Type.String({ description: 'The note that took this one back.' })),
});
