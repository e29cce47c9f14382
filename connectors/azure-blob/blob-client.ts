/**
 * A client of one container, with the credentials of the SDK's own chain. A connection string, or a shared access signature in one, is
 * taken from AZURE_STORAGE_CONNECTION_STRING, as Azure's own tools do, and only for the account that it names: sources on other accounts
 * sign in as the process's identity.
 */
// What the SDK's samples and Azure's command line read, the client leaves to its caller.
import { env } from 'node:process';
import { DefaultAzureCredential, type TokenCredential } from '@azure/identity';
import { type AnonymousCredential, BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { BlobPlace } from './blob-place.ts';

const SCOPE = 'https://storage.azure.com/.default';
/** The run decides when to try again, and counts calls. Anew for each client: the SDK writes the proxy it finds into them. */
const options = () => ({ retryOptions: { maxTries: 1 } });

export interface BlobConnection {
  readonly container: ContainerClient;
  /** Who calls, in words; asks for a token where one is needed. */
  identify(signal: AbortSignal): Promise<string>;
}

/** @throws Error of the SDK for a connection string that is none. */
export function connectBlob(place: BlobPlace): BlobConnection {
  const given = env['AZURE_STORAGE_CONNECTION_STRING'];
  const named =
    given === undefined || given.trim() === '' ? null : BlobServiceClient.fromConnectionString(given, options());
  if (named !== null && isAccount(named, place)) {
    return {
      container: atEndpoint(named, place).getContainerClient(place.container),
      identify: async () => describeString(named),
    };
  }
  const credential = new DefaultAzureCredential();
  const client = new BlobServiceClient(addressOf(place), credential, options());
  return {
    container: client.getContainerClient(place.container),
    identify: (signal) => describeToken(credential, signal),
  };
}

function addressOf({ account, endpoint }: BlobPlace): string {
  return endpoint ?? `https://${account}.blob.core.windows.net`;
}

function isAccount(client: BlobServiceClient, { account, endpoint }: BlobPlace): boolean {
  return client.accountName === account || (endpoint !== undefined && withoutQuery(client.url) === trimmed(endpoint));
}

/** The string's credential at the source's address; a signature is part of the address itself. */
function atEndpoint(client: BlobServiceClient, { endpoint }: BlobPlace): BlobServiceClient {
  if (endpoint === undefined || withoutQuery(client.url) === trimmed(endpoint)) return client;
  const credential = client.credential as AnonymousCredential;
  return new BlobServiceClient(`${trimmed(endpoint)}${new URL(client.url).search}`, credential, options());
}

function withoutQuery(url: string): string {
  return trimmed(url.replace(/\?.*$/s, ''));
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

function describeString(client: BlobServiceClient): string {
  const signature = new URL(client.url).searchParams;
  if (!signature.has('sig')) return `the key of account ${client.accountName} in AZURE_STORAGE_CONNECTION_STRING`;
  const until = signature.get('se');
  return `the shared access signature in AZURE_STORAGE_CONNECTION_STRING${until === null ? '' : `, valid until ${until}`}`;
}

async function describeToken(credential: TokenCredential, signal: AbortSignal): Promise<string> {
  const token = await credential.getToken(SCOPE, { abortSignal: signal });
  const claims = claimsOf(token?.token ?? '');
  const who = claims['upn'] ?? claims['appid'] ?? claims['oid'];
  const tenant = claims['tid'] === undefined ? '' : ` of tenant ${claims['tid']}`;
  return who === undefined ? 'signed in' : `signed in as ${who}${tenant}`;
}

/** What a token says of itself; nothing where it is opaque. It is shown, never relied on. */
function claimsOf(token: string): Readonly<Record<string, string>> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
