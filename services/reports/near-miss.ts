/**
 * Whether a word of a bill is meant for one that is known: written another way (case, blanks, punctuation, a console's prefix such as
 * `user:`), or mistyped by a letter or two. Short words are never taken for typos: half the three-letter words differ by one.
 */
import { distance } from 'fastest-levenshtein';

export interface NearMiss {
  readonly meant: string;
  readonly fault: 'case' | 'spelling' | 'typo';
}

const LETTERS_PER_TYPO = 4;
const TYPOS_MAX = 2;

/** The known word that a word is meant for; null where it is none of them, or one of them exactly. */
export function nearMiss(word: string, known: Iterable<string>): NearMiss | null {
  let best: { readonly meant: string; readonly edits: number } | null = null;
  const [folded, plain] = [word.trim().toLowerCase(), plainOf(word)];
  for (const meant of known) {
    if (meant === word) return null;
    if (meant.trim().toLowerCase() === folded) return { meant, fault: 'case' };
    const other = plainOf(meant);
    const edits = other === plain ? 0 : distance(plain, other);
    const reach = Math.min(TYPOS_MAX, Math.floor(Math.min(plain.length, other.length) / LETTERS_PER_TYPO));
    if (edits <= reach && (best === null || edits < best.edits)) best = { meant, edits };
  }
  return best === null ? null : { meant: best.meant, fault: best.edits === 0 ? 'spelling' : 'typo' };
}

/** Without case, blanks, punctuation and a console's prefix. */
function plainOf(word: string): string {
  const name = word.slice(word.lastIndexOf(':') + 1);
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}
