/**
 * What every client of an AWS SDK is made with: the SDK's own chain of credentials, no retries of its own (the run knows better when to try
 * again, and counts calls), an end to connections that say nothing, and the proxy of the environment.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
// The SDK takes its credentials and endpoints from the environment by itself; the proxy it leaves to its caller.
import { env } from 'node:process';

const CONNECT_TIMEOUT_MS = 10_000;
/** Of silence, not of the whole answer: a large file may take hours. */
const SILENCE_TIMEOUT_MS = 60_000;
const SOCKETS_MAX = 4;

/** Spread into the options of a client, beside its region and endpoint. */
export function awsClientOptions(): {
  maxAttempts: number;
  requestHandler: { connectionTimeout: number; socketTimeout: number; httpAgent: HttpAgent; httpsAgent: HttpsAgent };
} {
  const connections = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return {
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_TIMEOUT_MS,
      // Only an address inside of a network has no TLS; no proxy leads there.
      httpAgent: new HttpAgent(connections),
      httpsAgent: new HttpsAgent({ ...connections, proxyEnv: env }),
    },
  };
}
