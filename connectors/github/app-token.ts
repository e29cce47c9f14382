/**
 * Speaking to GitHub as an App: a statement signed with the App's key, which is good for minutes, and by it a token of the App's installation
 * in an organisation, which is good for an hour. https://docs.github.com/apps, "Generating a JSON Web Token".
 */
import { createPrivateKey, sign } from 'node:crypto';
import { idOf, partOf } from '../../services/kernel/inbound-event.ts';

export interface GithubApp {
  /** The client id, or the App's number. */
  readonly id: string;
  /** RSA, as PEM. */
  readonly privateKey: string;
}

/** Before now, for clocks that disagree; and GitHub takes no statement that is good for more than ten minutes. */
const SINCE_SECONDS = 60;
const FOR_SECONDS = 540;

/** The statement (RS256) by which GitHub knows the App itself. */
export function appToken({ id, privateKey }: GithubApp, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1_000);
  const claims = { iat: seconds - SINCE_SECONDS, exp: seconds + FOR_SECONDS, iss: id };
  const stated = [{ alg: 'RS256', typ: 'JWT' }, claims].map(encoded).join('.');
  return `${stated}.${sign('RSA-SHA256', Buffer.from(stated), createPrivateKey(privateKey)).toString('base64url')}`;
}

/** A token of the App's installation where `home` (/orgs/acme, /repos/acme/shop) is; null where GitHub names none. */
export async function installationToken(
  home: string,
  call: (method: 'GET' | 'POST', path: string) => Promise<{ data: unknown }>,
): Promise<string | null> {
  const id = idOf(partOf((await call('GET', `${home}/installation`)).data)['id']);
  if (id === null) return null;
  const { data } = await call('POST', `/app/installations/${id}/access_tokens`);
  const token = partOf(data)['token'];
  return typeof token === 'string' ? token : null;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
