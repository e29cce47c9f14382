/** What an error of `fetch` says about a request: whether it left at all, which decides if it may be sent again without a look. */

/** Errors of a request that never left or never arrived. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TEXT_LENGTH_MAX = 200;

/** `isUnsent` where it surely did not arrive; the text is the error's own with the network's words. */
export function networkFailure(error: unknown): { readonly isUnsent: boolean; readonly text: string } {
  const codes = causeCodes(error);
  const message = error instanceof Error ? error.message : String(error);
  return {
    isUnsent: codes.some((code) => UNSENT.has(code)),
    text: [message, ...codes].join(' ').slice(0, TEXT_LENGTH_MAX),
  };
}

/** fetch wraps what went wrong in `cause`, sometimes several deep. */
function causeCodes(error: unknown): string[] {
  const codes: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    if ('code' in current && typeof current.code === 'string') codes.push(current.code);
    current = 'cause' in current ? current.cause : undefined;
  }
  return codes;
}
