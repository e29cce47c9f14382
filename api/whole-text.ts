/**
 * Texts of JSON bodies must be storable: JSON can write U+0000, and half of a character that two units make (a lone surrogate), for which
 * PostgreSQL has no place. Looked for once, before any route reads its body.
 */
import { AppError } from '../services/kernel/errors.ts';
import type { ApiApp } from './context.ts';

/** Refuses such a body with the place of the first such text; call it before any route is added. */
export function requireWholeTexts(app: ApiApp): void {
  app.addHook('preValidation', async ({ body }) => {
    if (Buffer.isBuffer(body)) return;
    const place = placeOfBroken(body, 'body');
    if (place === null) return;
    const reason = 'holds a sign that cannot be kept: U+0000, or half a character. Leave it out';
    throw new AppError('invalid_input', `${place} ${reason}.`, { faults: [{ column: place, reason }] });
  });
}

/** The path of the first text, or name of a field, that is broken; null where all are whole. */
export function placeOfBroken(value: unknown, place: string): string | null {
  if (typeof value === 'string') return isWhole(value) ? null : place;
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    if (!isWhole(name)) return place;
    const found = placeOfBroken(inner, `${place}/${name}`);
    if (found !== null) return found;
  }
  return null;
}

function isWhole(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}
