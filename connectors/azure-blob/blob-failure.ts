/** What a refusal of Azure means for a source, and what to change: the role by its name, the network, the container, the blob. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { networkReason, proxyRefusal, retryAfterMs, unreached, unreadable } from '../http-answer.ts';
import type { BlobPlace } from './blob-place.ts';

const RETRY_MS = 60_000;
const MORE = 'docs/clouds/azure-cost-export.md has the commands.';
const SERVICE = 'Azure Blob Storage';

export type BlobCall =
  | { readonly action: 'list'; readonly prefix: string }
  | { readonly action: 'read'; readonly key: string }
  | { readonly action: 'sign in' };

const NO_SIGN_IN = new Set([
  'CredentialUnavailableError',
  'AuthenticationError',
  'AuthenticationRequiredError',
  'AggregateAuthenticationError',
]);
/** As the library says within its message that the service which signs identities in was not reached; its status is 400 then, too. */
const NOT_ASKED = /\b(?:network_error|no_network_connectivity|endpoints_resolution_error)\b/;
const NOT_NOW = new Set(['ServerBusy', 'OperationTimedOut', 'InternalError']);

/** The error as our callers know it; those that are ours already, and an abort by the caller, pass. */
export function blobFailure(error: unknown, call: BlobCall, place: BlobPlace, now: Date): unknown {
  if (!(error instanceof Error) || error instanceof AppError || error instanceof TransientError) return error;
  if (error.name === 'AbortError') return error;
  const { status, code, header } = answerOf(error);
  const refuse = (message: string) => new AppError('source_refused', message, { cause: error });
  if (NO_SIGN_IN.has(error.name) && NOT_ASKED.test(error.message)) {
    return new TransientError(
      'Azure could not be asked for a token: login.microsoftonline.com, or the address in AZURE_AUTHORITY_HOST, was not reached.',
      RETRY_MS,
      error,
    );
  }
  const own = proxyRefusal(status) ?? beforeTheCall(error, place);
  if (own !== null) return refuse(own);
  if (status === 429 || status === 503 || (status !== null && status >= 500) || NOT_NOW.has(code)) {
    const waitMs = retryAfterMs(header('retry-after'), now) ?? RETRY_MS;
    const isBusy = status === 429 || status === 503;
    const text = isBusy ? 'asked to be called less often' : `failed to answer (${status})`;
    return new TransientError(`${SERVICE} ${text}.`, waitMs, error);
  }
  if (status === null || status < 300) return withoutAnswer(error, place);
  if (status === 412 || code === 'BlobNotFound' || code === 'InvalidRange' || status === 416)
    return changed(error, call);
  if (code === 'ContainerNotFound' || code === 'ContainerBeingDeleted') {
    return refuse(
      `There is no container ${place.container} in the storage account ${place.account}. Correct container in the source.`,
    );
  }
  if (code === 'BlobArchived' || code === 'BlobBeingRehydrated') {
    return refuse(
      `${subjectOf(call)} was moved to the archive tier. Rehydrate it, and let the lifecycle rule leave the bills of the last 13 months alone.`,
    );
  }
  if (status === 401 || status === 403 || code === 'PublicAccessNotPermitted') {
    return refuse(permission(code, error.message, call, place));
  }
  if (status === 404) return changed(error, call);
  return refuse(
    `${SERVICE} refused to ${call.action} in ${place.account}/${place.container} (${code || status}). Check account, container and endpoint of the source.`,
  );
}

/** What fails before anything is sent: no identity, a connection string that is none, a token that must not go over plain HTTP. */
function beforeTheCall(error: Error, { account, endpoint }: BlobPlace): string | null {
  if (NO_SIGN_IN.has(error.name)) {
    return `No Azure identity was found, or it could not sign in. Give the process a managed identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE), or sign in with "az login". ${MORE}`;
  }
  if (/AZURE_TOKEN_CREDENTIALS/.test(error.message)) {
    return 'AZURE_TOKEN_CREDENTIALS names no credential that the Azure SDK knows. Correct it, or take it away.';
  }
  if (/non-TLS|https/i.test(error.message) && endpoint?.startsWith('http://') === true) {
    return `An identity's token is only sent over https, and endpoint is ${endpoint}. Write it with https://, or give the account's key or signature in AZURE_STORAGE_CONNECTION_STRING.`;
  }
  if (/connection string|AccountName|AccountKey|SharedAccessSignature/i.test(error.message)) {
    return `AZURE_STORAGE_CONNECTION_STRING is no connection string. Copy it anew from the storage account ${account}, or take it away.`;
  }
  return null;
}

function permission(code: string, message: string, call: BlobCall, { account, container }: BlobPlace): string {
  const role = `Give it the role Storage Blob Data Reader on the container ${container} of ${account}. ${MORE}`;
  if (code === 'AuthorizationPermissionMismatch') {
    return `The identity may not ${call.action} blobs there. ${role}`;
  }
  if (code === 'AuthorizationResourceTypeMismatch' || code === 'AuthorizationServiceMismatch') {
    return `The shared access signature is not for blobs of the container ${container}. Make one with the permissions Read and List for it.`;
  }
  if (code === 'KeyBasedAuthenticationNotPermitted') {
    return `The storage account ${account} allows no account keys. Take AZURE_STORAGE_CONNECTION_STRING away and use an identity. ${role}`;
  }
  if (code === 'AuthorizationFailure' || code === 'AuthorizationSourceIPMismatch') {
    return `The storage account ${account} refuses calls from this network, or the signature lacks a permission. Allow this network (or a private endpoint) in its firewall; a signature needs Read and List.`;
  }
  if (code === 'PublicAccessNotPermitted' || code === 'NoAuthenticationInformation') {
    return `The storage account ${account} wants to know who calls. ${role}`;
  }
  if (
    code === 'AuthenticationFailed' &&
    /expir|signed expiry|signature not valid in the specified time/i.test(message)
  ) {
    return 'The signature or the token has expired. Renew it, or use a managed identity, which needs no renewing.';
  }
  if (code === 'AuthenticationFailed' || code === 'InvalidAuthenticationInfo') {
    return `${SERVICE} does not accept the credentials (${code}). Correct the key or signature in AZURE_STORAGE_CONNECTION_STRING or the identity's tenant, and the clock of this machine.`;
  }
  if (code === 'AccountIsDisabled') return `The storage account ${account} is disabled. Enable it or its subscription.`;
  return `${subjectOf(call)} may not be seen (${code || 'forbidden'}). ${role}`;
}

function withoutAnswer(error: Error, { account, endpoint }: BlobPlace): TransientError {
  const reason = networkReason(error);
  const hint =
    reason.startsWith('ENOTFOUND') && endpoint === undefined
      ? ` If this stays, there may be no storage account ${account}.`
      : '';
  // Markup that is no list, or none at all, fails within the SDK.
  const isPage = reason === 'PARSE_ERROR' || error instanceof TypeError;
  return new TransientError(isPage ? unreadable(SERVICE) : `${unreached(SERVICE, reason)}${hint}`, RETRY_MS, error);
}

function changed(error: Error, call: BlobCall): AppError {
  return new AppError(
    'source_changed',
    `${subjectOf(call)} was replaced or taken away since it was listed. The next look reads what is there then.`,
    { cause: error },
  );
}

function subjectOf(call: BlobCall): string {
  if (call.action === 'sign in') return 'The identity';
  if (call.action === 'read') return call.key;
  return call.prefix === '' ? 'The list of the container' : `The list of ${call.prefix}`;
}

interface Answer {
  readonly status: number | null;
  /** Azure's own name of the error; empty where it gives none. */
  readonly code: string;
  header(name: string): string | undefined;
}

function answerOf(error: Error): Answer {
  const { statusCode, code, details, response } = error as Error & {
    statusCode?: number;
    code?: string;
    details?: { errorCode?: string };
    response?: { headers?: { get(name: string): string | undefined } };
  };
  const header = (name: string) => response?.headers?.get(name);
  return { status: statusCode ?? null, code: header('x-ms-error-code') ?? details?.errorCode ?? code ?? '', header };
}
