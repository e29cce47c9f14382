/** Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time of the attempt and the very bytes of the body, one per active secret. */
import { createHmac } from 'node:crypto';

export interface SignedParts {
  /** The same over every attempt; no full stop in it. */
  readonly id: string;
  readonly sentAt: Date;
  readonly body: string;
}

/** The three headers. */
export function signedHeaders(parts: SignedParts, secrets: readonly string[]): Record<string, string> {
  const timestamp = String(Math.floor(parts.sentAt.getTime() / 1_000));
  const content = `${parts.id}.${timestamp}.${parts.body}`;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  });
  return { 'webhook-id': parts.id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
