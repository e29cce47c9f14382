/** What a failed call to Slack means to whoever asked: try again later, or change something first. */
import { WebAPIPlatformError, WebAPIRateLimitedError } from '@slack/web-api';
import { AppError, TransientError } from '../../services/kernel/errors.ts';

const SECOND_MS = 1_000;
const RETRY_MS = 15 * SECOND_MS;

/** Slack's word for its refusal; null for a failure that is no answer of Slack's. */
export function refusalOf(error: unknown): string | null {
  // An answer that is not Slack's (a proxy's page) arrives as a "code" of its whole text.
  return error instanceof WebAPIPlatformError && /^[a-z_]{1,80}$/.test(error.data.error) ? error.data.error : null;
}

export function slackFailure(error: unknown): AppError | TransientError {
  if (error instanceof WebAPIRateLimitedError) {
    return new TransientError('Slack asks for a pause', error.retryAfter * SECOND_MS, error);
  }
  const refusal = refusalOf(error);
  if (refusal === null) {
    const reason = error instanceof Error ? error.message : String(error);
    return new TransientError(`Slack was not reached (${reason.slice(0, 200)})`, RETRY_MS, error);
  }
  const needed = error instanceof WebAPIPlatformError && 'needed' in error.data ? String(error.data['needed']) : null;
  const fix = needed === null ? '' : ` Give the app the scope ${needed} and install it again.`;
  return new AppError('slack_refused', `Slack refuses: ${refusal}.${fix}`, { cause: error, details: { refusal } });
}
