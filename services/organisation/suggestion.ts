/**
 * "Did you mean": the known word nearest to one that is not known. Nothing is suggested where nothing is near, because a wild
 * guess misleads more than none.
 */
import { distance } from 'fastest-levenshtein';

/** The nearest candidate: equal but for case, or at most a third of the word away (at least 2 edits); null where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const lower = word.toLowerCase();
  const reach = Math.max(2, Math.floor(word.length / 3));
  let best: { readonly candidate: string; readonly edits: number } | null = null;
  for (const candidate of candidates) {
    if (candidate.toLowerCase() === lower) return candidate;
    const edits = distance(lower, candidate.toLowerCase());
    if (edits > reach || edits >= candidate.length) continue;
    if (best === null || edits < best.edits) best = { candidate, edits };
  }
  return best?.candidate ?? null;
}

/** `Did you mean "slackChannel"?`, or undefined where no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const meant = nearest(word, candidates);
  return meant === null ? undefined : `Did you mean "${meant}"?`;
}

/** `"a", "b" or "c"`; a long list is cut with what remains. */
export function listWords(words: readonly string[], shownMax = 20): string {
  const quoted = words.slice(0, shownMax).map((word) => `"${word}"`);
  if (words.length > shownMax) return `${quoted.join(', ')} or ${words.length - shownMax} others`;
  const last = quoted.at(-1);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${last}`;
}
