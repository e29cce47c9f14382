/** What Slack sends when somebody presses, submits, asks or looks: built from what stands in the double, signed, and sent like Slack does. */
import { createHmac } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import type { Element } from './slack-blocks.ts';
import type { SlackDouble, VisibleMessage } from './slack-double.ts';

export interface Press {
  readonly user: string;
  readonly actionId: string;
  /** The message as its presser sees it: an older one where somebody was faster. */
  readonly message: VisibleMessage;
  /** Of a menu: the option whose text this is. */
  readonly choice?: string;
  readonly actionTs?: string;
}

/** The payload of a press; fails where the message has no such button. */
export function pressPayload(slack: SlackDouble, press: Press): object {
  const { message, actionId, user, choice } = press;
  const block = message.blocks.find(({ elements = [] }) => elements.some(({ action_id: id }) => id === actionId));
  const element = block?.elements?.find(({ action_id: id }) => id === actionId);
  if (block === undefined || element === undefined) throw new Error(`the message has no button ${actionId}`);
  return {
    type: 'block_actions',
    user: { id: user, team_id: 'T1' },
    team: { id: 'T1' },
    channel: { id: message.channel },
    message: { ts: message.ts },
    trigger_id: slack.people.issueTrigger(),
    response_url: slack.people.issueResponseUrl(),
    actions: [
      {
        type: element.type,
        action_id: actionId,
        block_id: block.block_id,
        action_ts: press.actionTs ?? `${randomUUID()}`,
        ...valueOf(element, choice),
      },
    ],
  };
}

function valueOf(element: Element, choice: string | undefined): object {
  if (choice === undefined) return { value: element.value };
  const option = element.options?.find(({ text }) => text?.text === choice);
  if (option === undefined) throw new Error(`the menu has no option ${choice}`);
  return { selected_option: { value: option.value } };
}

/** The newest form, filled in and sent. */
export function submissionPayload(
  slack: SlackDouble,
  filled: { user: string; fields: Record<string, string>; viewId?: string },
): object {
  const view = slack.people.forms.at(-1);
  if (view === undefined) throw new Error('no form is open');
  const values = Object.fromEntries(
    view.blocks
      .filter(({ type }) => type === 'input')
      .map(({ block_id: id, element }) => {
        const name = String(id);
        const key = element?.type === 'datepicker' ? 'selected_date' : 'value';
        return [name, { [String(element?.action_id)]: { type: element?.type, [key]: filled.fields[name] ?? null } }];
      }),
  );
  const id = filled.viewId ?? `V${randomUUID()}`;
  return {
    type: 'view_submission',
    user: { id: filled.user, team_id: 'T1' },
    team: { id: 'T1' },
    view: { ...view, id, state: { values } },
  };
}

/** Where Slack calls the app, and what it signs with. */
export interface SlackCaller {
  interact(payload: object): Promise<Response>;
  command(text: string, user: string): Promise<Response>;
  event(event: object, body?: object): Promise<Response>;
  /** Any body, with the signature given or made. */
  send(body: string, headers: Record<string, string>): Promise<Response>;
  sign(body: string, at?: Date): Record<string, string>;
}

export function slackCaller(app: { url: string; signingSecret: string; now: () => Date }): SlackCaller {
  const sign = (body: string, at = app.now()) => {
    const timestamp = String(Math.floor(at.getTime() / 1_000));
    const digest = createHmac('sha256', app.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    return { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${digest}` };
  };
  const send = (body: string, headers: Record<string, string>) => fetch(app.url, { method: 'POST', headers, body });
  const form = (fields: Record<string, string>) => {
    const body = new URLSearchParams(fields).toString();
    return send(body, { 'content-type': 'application/x-www-form-urlencoded', ...sign(body) });
  };
  return {
    send,
    sign,
    interact: (payload) => form({ payload: JSON.stringify(payload) }),
    command: (text, user) =>
      form({ command: '/outturn', text, user_id: user, team_id: 'T1', channel_id: 'C0ELSEWHERE' }),
    event: (event, more = {}) => {
      const body = JSON.stringify({
        type: 'event_callback',
        team_id: 'T1',
        event_id: `Ev${randomUUID()}`,
        event,
        ...more,
      });
      return send(body, { 'content-type': 'application/json', ...sign(body) });
    },
  };
}
