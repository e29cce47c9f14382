/**
 * What an error of an AWS SDK is to us, as far as it is the same for every service: credentials that are missing or spent, a service that
 * asks to come back later, a network that gave way. None of the SDK's own words reach the reader; its error stays as the cause.
 */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { networkReason, proxyRefusal, retryAfterMs, unreached, unreadable } from '../http-answer.ts';

const RETRY_MS = 60_000;

/** What the SDK tells of an answer that was an error. */
export interface AwsAnswer {
  readonly code: string;
  readonly status: number | null;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly message: string;
}

const SPENT = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'RequestExpired']);
const UNKNOWN = new Set([
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
]);
const THROTTLED = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'LimitExceededException',
  'RequestThrottled',
  'RequestThrottledException',
]);

export function answerOf(error: Error): AwsAnswer {
  const { $metadata, $response } = error as Error & {
    $metadata?: { httpStatusCode?: number };
    $response?: { statusCode?: number; headers?: Record<string, string> };
  };
  return {
    code: error.name,
    status: $metadata?.httpStatusCode ?? $response?.statusCode ?? null,
    headers: $response?.headers ?? {},
    message: error.message,
  };
}

/**
 * The failure in our words, or null where only the service's own meaning of it helps (a permission, a name that is not there).
 * `service` is the subject of the sentence: "Amazon S3".
 */
export function awsFailure(error: Error, service: string, now: Date): AppError | TransientError | null {
  const answer = answerOf(error);
  const refuse = (message: string) => new AppError('source_refused', message, { cause: error });
  const byProxy = proxyRefusal(answer.status);
  if (byProxy !== null) return refuse(byProxy);
  if (answer.code === 'CredentialsProviderError' || answer.code === 'TokenProviderError') {
    return refuse(
      'No AWS credentials were found, or they could not be renewed. Give the process a role or a profile (AWS_PROFILE, AWS_ROLE_ARN, an instance or task role), or sign in again.',
    );
  }
  if (answer.message === 'Region is missing') {
    return refuse('No AWS region is known. Add region: … to the source in the organisation file, or set AWS_REGION.');
  }
  if (SPENT.has(answer.code)) {
    return refuse('The AWS credentials have expired. Renew them (sign in again, or let the role be assumed anew).');
  }
  if (UNKNOWN.has(answer.code)) {
    return refuse(
      `${service} does not know the AWS credentials (${answer.code}). Correct the access key, its secret and its session token, or use a role.`,
    );
  }
  if (answer.code === 'RequestTimeTooSkewed') {
    return refuse(`${service} refuses requests of this machine, because its clock is wrong. Set the clock.`);
  }
  if (THROTTLED.has(answer.code) || answer.status === 429) {
    const waitMs = retryAfterMs(answer.headers['retry-after'], now) ?? RETRY_MS;
    return new TransientError(`${service} asked to be called less often.`, waitMs, error);
  }
  if (answer.code === 'RequestTimeout' || (answer.status !== null && answer.status >= 500)) {
    const waitMs = retryAfterMs(answer.headers['retry-after'], now) ?? RETRY_MS;
    return new TransientError(`${service} failed to answer (${answer.status}).`, waitMs, error);
  }
  if (answer.status === null || answer.status < 300) return withoutMeaning(error, service);
  return null;
}

/** No answer, or one that the SDK could not make sense of. */
function withoutMeaning(error: Error, service: string): TransientError {
  const isAnswered = answerOf(error).status !== null;
  return new TransientError(
    isAnswered ? unreadable(service) : unreached(service, networkReason(error)),
    RETRY_MS,
    error,
  );
}
