/** The form of a secret of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. */

export const WEBHOOK_SECRET_BYTES_MIN = 24;
export const WEBHOOK_SECRET_BYTES_MAX = 64;
const WHSEC = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

export function isWebhookSecret(secret: string): boolean {
  const bytes = Buffer.from(WHSEC.exec(secret)?.[1] ?? '', 'base64').length;
  return bytes >= WEBHOOK_SECRET_BYTES_MIN && bytes <= WEBHOOK_SECRET_BYTES_MAX;
}
