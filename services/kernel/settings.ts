/**
 * Every setting the product reads from the environment, validated once at start. A bad one is named with its fix; secrets are
 * never printed. Defaults make the product run with nothing set: embedded PostgreSQL, its queue, loopback, no Slack.
 */
import { join, resolve } from 'node:path';
import { type ChannelSettings, readChannelSettings } from './channel-settings.ts';
import { AppError } from './errors.ts';
import { type IntakeSettings, readIntakeSettings } from './intake-settings.ts';

export interface Settings {
  /** Absent: embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl?: string;
  /** Absent: the queue lives in the same PostgreSQL. */
  readonly redisUrl?: string;
  readonly dataDir: string;
  readonly archiveDir: string;
  readonly configPath: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string;
  readonly slack: {
    readonly botToken?: string;
    /** What Slack signs its requests with. */
    readonly signingSecret?: string;
    /** Socket Mode, where Slack cannot call us. */
    readonly appToken?: string;
    readonly apiUrl?: string;
  };
  /** The channels beside Slack. */
  readonly channels: ChannelSettings;
  /** What comes in from other tools. */
  readonly intake: IntakeSettings;
  readonly logLevel: LogLevel;
  /** An API token: whose it is acts where a person matters (closing). Absent: the local operator. */
  readonly token?: string;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const PORT_MAX = 65_535;

/**
 * Reads and validates the settings.
 * @throws AppError invalid_setting listing every bad variable, not only the first.
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
  workingDirectory: string,
): Settings {
  const faults: string[] = [];
  const text = (name: string) => {
    const value = environment[name]?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  const url = (name: string, protocols: readonly string[], example: string) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      faults.push(`${name} is not a URL of the form ${example}.`);
    }
    return value;
  };

  const dataDir = resolve(workingDirectory, text('OUTTURN_DATA') ?? '.outturn');
  const host = text('HOST') ?? '127.0.0.1';
  const port = readPort(text('PORT'), faults);
  const archive = text('OUTTURN_ARCHIVE');
  if (archive !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(archive)) {
    faults.push(
      `OUTTURN_ARCHIVE is "${archive}"; this version keeps the archive in a folder. Give a path such as /var/lib/outturn/archive.`,
    );
  }
  const logLevel = text('LOG_LEVEL') ?? 'info';
  if (!isLogLevel(logLevel)) faults.push(`LOG_LEVEL is "${logLevel}"; use one of ${LOG_LEVELS.join(', ')}.`);

  const databaseUrl = url('DATABASE_URL', ['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/outturn');
  const redisUrl = url('REDIS_URL', ['redis:', 'rediss:'], 'redis://host:6379');
  const slackApiUrl = url('SLACK_API_URL', ['http:', 'https:'], 'https://slack.com/api/');
  const publicUrl = url('PUBLIC_URL', ['http:', 'https:'], 'https://outturn.example.com') ?? `http://${host}:${port}`;
  const botToken = text('SLACK_BOT_TOKEN');
  const signingSecret = text('SLACK_SIGNING_SECRET');
  const appToken = text('SLACK_APP_TOKEN');
  if (appToken !== undefined && !appToken.startsWith('xapp-')) {
    faults.push(
      'SLACK_APP_TOKEN is no app-level token: it begins with xapp-, and stands under Basic Information of your app.',
    );
  }
  const token = text('OUTTURN_TOKEN');
  const channels = readChannelSettings(environment, faults);
  const intake = readIntakeSettings(environment, faults);

  if (faults.length > 0) {
    throw new AppError('invalid_setting', faults.join('\n'), { faults: faults.map((reason) => ({ reason })) });
  }
  return {
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    dataDir,
    archiveDir: archive === undefined ? join(dataDir, 'archive') : resolve(workingDirectory, archive),
    configPath: resolve(workingDirectory, text('OUTTURN_CONFIG') ?? 'outturn.yaml'),
    host,
    port,
    publicUrl: publicUrl.replace(/\/+$/, ''),
    slack: {
      ...(botToken === undefined ? {} : { botToken }),
      ...(signingSecret === undefined ? {} : { signingSecret }),
      ...(appToken === undefined ? {} : { appToken }),
      ...(slackApiUrl === undefined ? {} : { apiUrl: slackApiUrl }),
    },
    channels,
    intake,
    logLevel: isLogLevel(logLevel) ? logLevel : 'info',
    ...(token === undefined ? {} : { token }),
  };
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function readPort(value: string | undefined, faults: string[]): number {
  if (value === undefined) return 4680;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(port) || port > PORT_MAX) {
    faults.push(`PORT is "${value}"; use a number from 0 (any free port) to ${PORT_MAX}.`);
    return 4680;
  }
  return port;
}

function isLogLevel(value: string): value is LogLevel {
  return LOG_LEVELS.some((level) => level === value);
}
