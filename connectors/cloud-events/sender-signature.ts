/**
 * Senders of events that sign instead of having a token, after Standard Webhooks 1.0: HMAC-SHA256 over the message's id, the time of the
 * attempt and the body. What was signed more than five minutes ago is not taken.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookRequest } from '../inbound-webhook.ts';

const AGE_SECONDS_MAX = 300;
const SIGNATURES_MAX = 10;

/** Whether one of the secrets signed this request, lately. */
export function isSignedBySender({ headers, body }: WebhookRequest, secrets: readonly string[], now: Date): boolean {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (id === undefined || signatures === undefined || timestamp === undefined || !/^\d{1,12}$/.test(timestamp))
    return false;
  if (Math.abs(now.getTime() / 1_000 - Number(timestamp)) > AGE_SECONDS_MAX) return false;
  const right = secrets.map((secret) =>
    createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
      .update(`${id}.${timestamp}.`)
      .update(body)
      .digest(),
  );
  let isRight = false;
  for (const signature of signatures.split(' ').slice(0, SIGNATURES_MAX)) {
    const given = Buffer.from(/^v1,(.*)$/.exec(signature)?.[1] ?? '', 'base64');
    for (const digest of right) isRight = (given.length === digest.length && timingSafeEqual(given, digest)) || isRight;
  }
  return isRight;
}
