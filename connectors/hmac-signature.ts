/** Signatures that tools put on the bytes they send: HMAC-SHA256, compared in constant time, with one or two secrets active. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A header may be made of thousands of these by somebody who has no secret. */
const SIGNATURES_MAX = 10;

/** Whether one of the signatures, in hex, is that of these very bytes under one of the secrets. */
export function isSignedWith(body: Buffer, given: readonly string[], secrets: readonly string[]): boolean {
  const right = secrets.map((secret) => createHmac('sha256', secret).update(body).digest());
  let isRight = false;
  for (const signature of given.slice(0, SIGNATURES_MAX)) {
    const bytes = Buffer.from(signature, 'hex');
    if (!/^[0-9a-f]{64}$/i.test(signature)) continue;
    // Each is compared with each, so that the time tells nothing about which secret came near.
    for (const digest of right) isRight = timingSafeEqual(bytes, digest) || isRight;
  }
  return isRight;
}
