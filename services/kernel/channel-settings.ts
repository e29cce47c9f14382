/**
 * The secrets of the channels beside Slack, from the environment: the mail server, the addresses of Teams workflows and of webhooks with
 * what signs them. The organisation file only names them.
 */
import { isWebhookSecret, WEBHOOK_SECRET_BYTES_MAX, WEBHOOK_SECRET_BYTES_MIN } from './webhook-secret.ts';

export interface MailSettings {
  /** smtp:// or smtps://, with user and password where the server asks for them. */
  readonly smtpUrl: string;
  readonly from: string;
}

export interface WebhookSettings {
  readonly url: string;
  /** `whsec_…`; two while receivers change from one to the other. The first signature is the first secret's. */
  readonly secrets: readonly string[];
}

export interface ChannelSettings {
  readonly mail?: MailSettings;
  /** The address of a Teams workflow by its name in upper case. */
  readonly teams: Readonly<Record<string, string>>;
  readonly webhooks: Readonly<Record<string, WebhookSettings>>;
}

const SECRETS_MAX = 2;

/** Reads them; what is wrong is added to `faults`, without its value. */
export function readChannelSettings(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): ChannelSettings {
  const teams: Record<string, string> = {};
  const webhooks: Record<string, WebhookSettings> = {};
  for (const [variable, given] of Object.entries(environment)) {
    const value = given?.trim() ?? '';
    if (value === '') continue;
    const [, team] = /^OUTTURN_TEAMS_([A-Z][A-Z0-9_]*)$/.exec(variable) ?? [];
    if (team !== undefined && isHttpUrl(variable, value, faults)) teams[team] = value;
    const [, webhook] = /^OUTTURN_WEBHOOK_([A-Z][A-Z0-9_]*)_URL$/.exec(variable) ?? [];
    if (webhook !== undefined && isHttpUrl(variable, value, faults)) {
      const secrets = readSecrets(`OUTTURN_WEBHOOK_${webhook}_SECRET`, environment, faults);
      webhooks[webhook] = { url: value, secrets };
    }
  }
  const mail = readMail(environment, faults);
  return { ...(mail === undefined ? {} : { mail }), teams, webhooks };
}

function readMail(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): MailSettings | undefined {
  const smtpUrl = environment['SMTP_URL']?.trim() ?? '';
  const from = environment['MAIL_FROM']?.trim() ?? '';
  if (smtpUrl === '') return undefined;
  const isUrl =
    URL.canParse(smtpUrl) && /^smtps?:$/.test(new URL(smtpUrl).protocol) && new URL(smtpUrl).hostname !== '';
  if (!isUrl) faults.push('SMTP_URL is not a URL of the form smtp://user:password@mail.example.com:587.');
  if (!/^(?:[^<>\r\n]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/.test(from)) {
    faults.push(`MAIL_FROM is ${from === '' ? 'not set' : 'no address'}: with SMTP_URL it says whom mail is from.`);
  }
  return { smtpUrl, from };
}

function isHttpUrl(variable: string, value: string, faults: string[]): boolean {
  const isUrl = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  if (!isUrl) faults.push(`${variable} is not a URL of the form https://example.com/….`);
  return isUrl;
}

function readSecrets(
  variable: string,
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): readonly string[] {
  const secrets = (environment[variable] ?? '').split(/\s+/).filter((secret) => secret !== '');
  if (secrets.length === 0) {
    faults.push(`${variable} is not set: a webhook is signed. Make one with: echo "whsec_$(openssl rand -base64 32)".`);
  } else if (secrets.length > SECRETS_MAX) {
    faults.push(
      `${variable} has ${secrets.length} secrets; while changing from one to the other there are ${SECRETS_MAX}.`,
    );
  } else if (!secrets.every(isWebhookSecret)) {
    faults.push(
      `${variable} is no secret of Standard Webhooks: whsec_ and ${WEBHOOK_SECRET_BYTES_MIN} to ${WEBHOOK_SECRET_BYTES_MAX} bytes in base64.`,
    );
  }
  return secrets;
}
