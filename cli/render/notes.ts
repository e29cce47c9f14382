/** Signed notes in the terminal: who said what about what, and what was taken back. */
import type { Note } from '../../services/notes/note.ts';

export function renderNotes(notes: readonly Note[]): string {
  if (notes.length === 0) return 'There are no notes. Sign one with "outturn notes sign TEXT --pod ID --period P".';
  return notes.map(renderNote).join('\n\n');
}

export function renderNote(note: Note): string {
  const { noteId, podId, figure, period, signedBy, signedAt, withdraws, withdrawnBy } = note;
  const subject = [podId, figure, period?.id].filter((part) => part != null).join(', ');
  const standing = [
    withdraws === null ? '' : ` It takes back note ${withdraws}.`,
    withdrawnBy === null ? '' : ` Taken back by note ${withdrawnBy}.`,
  ].join('');
  const text = note.text.replaceAll(/(?!\n)\p{Cc}/gu, '·').replaceAll('\n', '\n  ');
  return `${noteId}  ${subject}: signed by ${signedBy} on ${signedAt.slice(0, 10)}.${standing}\n  ${text}`;
}
