/** Where a source's container is, as the organisation file says it: the keys that every source on Azure Blob Storage has. */
import { AppError } from '../../services/kernel/errors.ts';
import type { ConnectedSource } from '../connector.ts';

export interface BlobPlace {
  readonly sourceId: string;
  readonly account: string;
  readonly container: string;
  /** The account's blob address where it is not https://ACCOUNT.blob.core.windows.net: another cloud, a private network, an emulator. */
  readonly endpoint?: string;
}

const ACCOUNT = /^[a-z0-9]{3,24}$/;
const CONTAINER = /^(?=.{3,63}$)\$?[a-z0-9]+(?:-[a-z0-9]+)*$/;

/**
 * The place that `account`, `container` and `endpoint` name.
 * @throws AppError invalid_input for a name that is missing or is none.
 */
export function readBlobPlace({ id, settings }: ConnectedSource): BlobPlace {
  const text = (name: string) => {
    const value = settings[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const refuse = (message: string) => new AppError('invalid_input', `The source "${id}" ${message}`);
  const [account, container, endpoint] = [text('account'), text('container'), text('endpoint')];
  if (account === undefined || container === undefined) {
    const missing = account === undefined ? 'account' : 'container';
    throw refuse(
      `names no storage ${missing}. Add ${missing}: … to it in the organisation file and run "outturn apply".`,
    );
  }
  if (!ACCOUNT.test(account)) {
    throw refuse(
      `names the storage account "${account}", which is no account's name. Write the name alone, in lower case, without https:// and without .blob.core.windows.net.`,
    );
  }
  if (!CONTAINER.test(container)) {
    throw refuse(
      `names the container "${container}", which is no container's name. Write the name alone; the path goes into prefix.`,
    );
  }
  if (endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint)) {
    throw refuse(
      `names the endpoint "${endpoint}", which is no address. Write it with its scheme: https://${account}.blob.core.windows.net`,
    );
  }
  return { sourceId: id, account, container, ...(endpoint === undefined ? {} : { endpoint }) };
}
