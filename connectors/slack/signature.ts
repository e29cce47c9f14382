/**
 * Whether a request comes from Slack: an HMAC over the time it was sent and its bytes, as they came. The header's text is signed and
 * compared as it stands; a time too far from now, either way, is refused, so that a request cannot be kept and sent again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const AGE_SECONDS_MAX = 300;

export interface SignedRequest {
  /** X-Slack-Request-Timestamp */
  readonly timestamp: string | undefined;
  /** X-Slack-Signature */
  readonly signature: string | undefined;
  readonly body: Buffer;
}

export function isSignedBySlack(request: SignedRequest, signingSecret: string, now: Date): boolean {
  const { timestamp, signature, body } = request;
  if (timestamp === undefined || signature === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now.getTime() / 1_000 - Number(timestamp)) > AGE_SECONDS_MAX) return false;
  const given = Buffer.from(signature);
  const right = Buffer.from(signatureOf(timestamp, body, signingSecret));
  return given.length === right.length && timingSafeEqual(given, right);
}

/** `v0=…` */
export function signatureOf(timestamp: string, body: Buffer, signingSecret: string): string {
  return `v0=${createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
}
