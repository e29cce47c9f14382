/** What a refusal of Cost Explorer means for a source, and what to change. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { answerOf, awsFailure } from '../aws/aws-failure.ts';

export const SERVICE = 'AWS Cost Explorer';
const RETRY_MS = 60_000;
/** AWS prepares the data of an account that opens Cost Explorer for the first time for up to a day. */
const UNAVAILABLE_RETRY_MS = 3_600_000;
/** The pages of an answer that changed, or was asked for too long ago. */
const GONE = new Set(['InvalidNextTokenException', 'RequestChangedException', 'BillExpirationException']);
const MORE = 'docs/clouds/aws-cost-explorer.md has the whole policy.';

/** The error as our callers know it; those that are ours already, and an abort, pass. */
export function explorerFailure(error: unknown, now: Date): unknown {
  if (!(error instanceof Error) || error instanceof AppError || error instanceof TransientError) return error;
  if (error.name === 'AbortError') return error;
  const { code, message } = answerOf(error);
  const refuse = (text: string) => new AppError('source_refused', text, { cause: error });
  if (GONE.has(code)) {
    return new TransientError(
      `The pages of ${SERVICE} changed while they were read. They are asked for anew.`,
      RETRY_MS,
      error,
    );
  }
  if (code === 'DataUnavailableException') {
    const text = `${SERVICE} has no data yet. AWS prepares it within 24 hours of its first use.`;
    return new TransientError(text, UNAVAILABLE_RETRY_MS, error);
  }
  const known = awsFailure(error, SERVICE, now);
  if (known !== null) return known;
  if (/not enabled/i.test(message)) {
    return refuse(
      `${SERVICE} is not enabled. Open Cost Explorer once in the console of the account that pays (Billing and Cost Management), and let IAM access billing data there.`,
    );
  }
  if (code === 'AccessDeniedException' || code === 'AccessDenied') {
    return refuse(
      `Costs may not be asked for. Allow ce:GetCostAndUsage on *; in a member account the account that pays must also allow its members Cost Explorer. ${MORE}`,
    );
  }
  if (/member account/i.test(message)) {
    return refuse(
      `The account that pays does not let its members use ${SERVICE}. Allow it in its preferences, or use its credentials.`,
    );
  }
  return refuse(
    `${SERVICE} refused the request (${code}). Check region, endpoint and groupByTag of the source; days before the last 13 months are not kept.`,
  );
}
