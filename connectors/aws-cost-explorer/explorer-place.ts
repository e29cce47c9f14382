/** What the organisation file says of a source of kind aws-cost-explorer. */
import { AppError } from '../../services/kernel/errors.ts';
import type { ConnectedSource } from '../connector.ts';

/** Cost Explorer has one address for all commercial regions; China has its own. */
const REGION_DEFAULT = 'us-east-1';

export interface ExplorerPlace {
  readonly sourceId: string;
  readonly region: string;
  /** Another address that speaks its protocol: a VPC endpoint. */
  readonly endpoint?: string;
  /** The account that pays. Absent: that of the credentials. */
  readonly billingAccountId?: string;
  readonly groupByTag?: string;
  /** The profile of the SDK's own files whose credentials are used: a process may ask for several organisations. */
  readonly profile?: string;
}

/** @throws AppError invalid_input for an endpoint or an account id that is none. */
export function readExplorerPlace({ id, settings }: ConnectedSource): ExplorerPlace {
  const text = (name: string) => {
    const value = settings[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const [endpoint, billingAccountId, groupByTag] = [text('endpoint'), text('billingAccountId'), text('groupByTag')];
  const profile = text('profile');
  if (endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint)) {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names the endpoint "${endpoint}", which is no address. Write it with its scheme: https://…`,
    );
  }
  if (billingAccountId !== undefined && !/^\d{12}$/.test(billingAccountId)) {
    throw new AppError(
      'invalid_input',
      `The source "${id}" names the billing account "${billingAccountId}", which is no AWS account id. Write its twelve digits in quotes.`,
    );
  }
  return {
    sourceId: id,
    region: text('region') ?? REGION_DEFAULT,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(billingAccountId === undefined ? {} : { billingAccountId }),
    ...(groupByTag === undefined ? {} : { groupByTag }),
    ...(profile === undefined ? {} : { profile }),
  };
}
