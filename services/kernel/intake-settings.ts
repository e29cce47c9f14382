/**
 * The secrets of what comes in, from the environment: what each tool signs its webhooks with, senders of events that sign, and the token
 * that looks for deliveries GitHub gave up. Two secrets are active while one takes the other's place.
 */
import { createPrivateKey } from 'node:crypto';
import { isWebhookSecret } from './webhook-secret.ts';

/** Tools whose webhooks are understood. */
export const WEBHOOK_PROVIDERS = ['github', 'jira', 'linear', 'pagerduty'] as const;
export type WebhookProvider = (typeof WEBHOOK_PROVIDERS)[number];

export interface IntakeSettings {
  /** By provider, one or two; a provider without is not set up. */
  readonly webhookSecrets: Readonly<Partial<Record<WebhookProvider, readonly string[]>>>;
  /** Of senders of CloudEvents that sign instead of having a token, by name in lower case: `whsec_…`. */
  readonly senderSecrets: Readonly<Record<string, readonly string[]>>;
  readonly github: {
    readonly token?: string;
    /** Asked as this App instead; its key is RSA as PEM. */
    readonly app?: { readonly id: string; readonly privateKey: string };
    readonly apiUrl: string;
  };
}

const SECRETS_MAX = 2;
/** Shorter ones are guessed from one signed delivery. */
const SECRET_LENGTH_MIN = 16;
const GITHUB_API_URL = 'https://api.github.com';

/** Reads them; what is wrong is added to `faults`, without its value. */
export function readIntakeSettings(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): IntakeSettings {
  const webhookSecrets: Partial<Record<WebhookProvider, readonly string[]>> = {};
  for (const provider of WEBHOOK_PROVIDERS) {
    const variable = secretsVariable(provider);
    const secrets = readList(variable, environment, faults);
    if (secrets === null) continue;
    if (secrets.some((secret) => secret.length < SECRET_LENGTH_MIN)) {
      faults.push(
        `${variable} holds a secret of fewer than ${SECRET_LENGTH_MIN} characters. Make one with: openssl rand -hex 32.`,
      );
    }
    webhookSecrets[provider] = secrets;
  }
  const token = environment['OUTTURN_GITHUB_TOKEN']?.trim() ?? '';
  const app = readApp(environment, faults);
  const apiUrl = (environment['GITHUB_API_URL']?.trim() ?? '').replace(/\/+$/, '');
  if (apiUrl !== '' && !(URL.canParse(apiUrl) && /^https?:$/.test(new URL(apiUrl).protocol))) {
    faults.push('GITHUB_API_URL is not a URL of the form https://github.example.com/api/v3.');
  }
  return {
    webhookSecrets,
    senderSecrets: readSenders(environment, faults),
    github: {
      ...(token === '' ? {} : { token }),
      ...(app === null ? {} : { app }),
      apiUrl: apiUrl === '' ? GITHUB_API_URL : apiUrl,
    },
  };
}

/** Where a provider's secrets stand. */
export function secretsVariable(provider: WebhookProvider): string {
  return `OUTTURN_${provider.toUpperCase()}_WEBHOOK_SECRETS`;
}

function readApp(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): { id: string; privateKey: string } | null {
  const id = environment['OUTTURN_GITHUB_APP_ID']?.trim() ?? '';
  // In one line where the environment takes no more.
  const privateKey = (environment['OUTTURN_GITHUB_APP_KEY']?.trim() ?? '').replaceAll('\\n', '\n');
  if (id === '' && privateKey === '') return null;
  if (id === '' || privateKey === '') {
    faults.push('OUTTURN_GITHUB_APP_ID and OUTTURN_GITHUB_APP_KEY are set together, or neither.');
  } else if (!isRsaKey(privateKey)) {
    faults.push(
      'OUTTURN_GITHUB_APP_KEY holds no RSA key. Take the .pem file that GitHub gave for the App, with \\n for its line ends.',
    );
  }
  return { id, privateKey };
}

function isRsaKey(text: string): boolean {
  try {
    return createPrivateKey(text).asymmetricKeyType === 'rsa';
  } catch {
    // Whatever is wrong with it, it is not shown.
    return false;
  }
}

function readSenders(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): Record<string, readonly string[]> {
  const senders: Record<string, readonly string[]> = {};
  for (const variable of Object.keys(environment)) {
    const [, name] = /^OUTTURN_EVENTS_([A-Z][A-Z0-9_]*)_SECRETS$/.exec(variable) ?? [];
    const secrets = name === undefined ? null : readList(variable, environment, faults);
    if (name === undefined || secrets === null) continue;
    if (!secrets.every(isWebhookSecret)) {
      faults.push(
        `${variable} holds no secret of Standard Webhooks: whsec_ and 24 to 64 bytes in base64. Make one with: echo "whsec_$(openssl rand -base64 32)".`,
      );
    }
    senders[name.toLowerCase()] = secrets;
  }
  return senders;
}

/** Null where the variable says nothing. */
function readList(
  variable: string,
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): readonly string[] | null {
  const given = environment[variable]?.trim() ?? '';
  if (given === '') return null;
  const secrets = given
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  if (secrets.length === 0) faults.push(`${variable} holds no secret. Write "new,old", or one alone.`);
  if (secrets.length > SECRETS_MAX) {
    faults.push(
      `${variable} has ${secrets.length} secrets; while changing from one to the other there are ${SECRETS_MAX}, "new,old". A secret has no comma.`,
    );
  }
  return secrets;
}
