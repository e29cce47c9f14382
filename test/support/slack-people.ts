/** The people of the double's workspace, what only one of them sees, and the permits that Slack hands out with each press. */
import { randomUUID } from 'node:crypto';
import { type Block, faultOfView } from './slack-blocks.ts';

const TRIGGER_MS = 3_000;
const RESPONSE_MS = 30 * 60_000;
const RESPONSE_USES_MAX = 5;

export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly teamId?: string;
  readonly isConfirmed?: boolean;
  readonly isDeleted?: boolean;
}

export interface View {
  readonly type: string;
  readonly callback_id?: string;
  readonly private_metadata?: string;
  readonly blocks: readonly Block[];
}

/** What one person was told and nobody else. */
export interface Told {
  readonly by: 'chat.postEphemeral' | 'response_url';
  readonly user: string | null;
  readonly text: string;
}

export interface SlackPeople {
  readonly people: Person[];
  readonly told: Told[];
  /** Forms on somebody's screen, in the order of their opening. */
  readonly forms: View[];
  /** By user. */
  readonly homes: Map<string, View>;
  /** Good once, for three seconds. */
  issueTrigger(): string;
  /** Good five times within half an hour. */
  issueResponseUrl(): string;
  answerAt(path: string, body: { text?: unknown }): number;
  call(method: string, body: Record<string, unknown>): Record<string, unknown> | null;
}

export function slackPeople(options: {
  now: () => Date;
  url: () => string;
  hasScope: (scope: string) => boolean;
}): SlackPeople {
  const { now, url, hasScope } = options;
  const triggers = new Map<string, { at: number; isUsed: boolean }>();
  const responses = new Map<string, { at: number; uses: number }>();
  const own: SlackPeople = {
    people: [],
    told: [],
    forms: [],
    homes: new Map(),
    issueTrigger: () => {
      const id = `trigger.${randomUUID()}`;
      triggers.set(id, { at: now().getTime(), isUsed: false });
      return id;
    },
    issueResponseUrl: () => {
      const path = `/response/${randomUUID()}`;
      responses.set(path, { at: now().getTime(), uses: 0 });
      return new URL(path, url()).href;
    },
    answerAt: (path, body) => {
      const permit = responses.get(path);
      if (permit === undefined || now().getTime() - permit.at > RESPONSE_MS || permit.uses >= RESPONSE_USES_MAX)
        return 404;
      permit.uses += 1;
      own.told.push({ by: 'response_url', user: null, text: String(body.text) });
      return 200;
    },
    call: (method, body) => {
      switch (method) {
        case 'users.info':
          return describe(
            own.people.find(({ userId }) => userId === body['user']),
            'user_not_found',
          );
        case 'users.lookupByEmail':
          return describe(
            own.people.find(({ email }) => email === body['email']),
            'users_not_found',
          );
        case 'views.open':
          return openForm(String(body['trigger_id']), body['view'] as View);
        case 'views.publish':
          return publish(String(body['user_id']), body['view'] as View);
        case 'chat.postEphemeral':
          own.told.push({ by: 'chat.postEphemeral', user: String(body['user']), text: String(body['text']) });
          return { ok: true };
        default:
          return null;
      }
    },
  };
  return own;

  function describe(person: Person | undefined, error: string): Record<string, unknown> {
    if (person === undefined) return { ok: false, error };
    const { userId, email, teamId = 'T1', isConfirmed = true, isDeleted = false } = person;
    const profile = hasScope('users:read.email') ? { email } : {};
    const user = {
      id: userId,
      team_id: teamId,
      deleted: isDeleted,
      is_bot: false,
      is_email_confirmed: isConfirmed,
      profile,
    };
    return { ok: true, user };
  }

  function openForm(triggerId: string, view: View): Record<string, unknown> {
    const trigger = triggers.get(triggerId);
    if (trigger === undefined) return { ok: false, error: 'invalid_trigger_id' };
    if (trigger.isUsed) return { ok: false, error: 'exchanged_trigger_id' };
    if (now().getTime() - trigger.at > TRIGGER_MS) return { ok: false, error: 'expired_trigger_id' };
    const fault = faultOfView(view);
    if (fault !== null) return { ok: false, error: 'invalid_arguments', response_metadata: { messages: [fault] } };
    trigger.isUsed = true;
    own.forms.push(view);
    return { ok: true, view: { id: `V${own.forms.length}` } };
  }

  function publish(userId: string, view: View): Record<string, unknown> {
    const fault = faultOfView(view);
    if (fault !== null) return { ok: false, error: 'invalid_arguments', response_metadata: { messages: [fault] } };
    own.homes.set(userId, view);
    return { ok: true };
  }
}
