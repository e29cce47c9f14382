/**
 * What Slack sends when people press, submit, ask or look, the same whether it comes over HTTP or Socket Mode. Foreign input: whatever is
 * missing or not understood becomes `other`, which is logged and answered with nothing.
 */

export interface SlackActor {
  readonly teamId: string;
  readonly userId: string;
}

export type SlackEvent =
  /** Slack asks whether this address is ours. */
  | { readonly kind: 'handshake'; readonly challenge: string }
  | {
      readonly kind: 'action';
      readonly actor: SlackActor;
      readonly actionId: string;
      readonly actionTs: string;
      readonly value: string;
      readonly triggerId: string;
      /** Where the answer to the presser goes; five times within half an hour. */
      readonly responseUrl: string | null;
      readonly channel: string | null;
    }
  | {
      readonly kind: 'submission';
      readonly actor: SlackActor;
      readonly callbackId: string;
      readonly viewId: string;
      readonly metadata: string;
      /** By block id. */
      readonly fields: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'command'; readonly actor: SlackActor; readonly command: string; readonly text: string }
  | { readonly kind: 'home'; readonly actor: SlackActor; readonly eventTs: string }
  | { readonly kind: 'other'; readonly name: string };

/** From the body of a request whose signature was checked. */
export function readSlackBody(body: Buffer, contentType: string): SlackEvent {
  const text = body.toString('utf8');
  if (contentType.startsWith('application/json')) return readSlackEvent('events_api', parseJson(text));
  const form = new URLSearchParams(text);
  const payload = form.get('payload');
  if (payload !== null) return readSlackEvent('interactive', parseJson(payload));
  return readSlackEvent('slash_commands', Object.fromEntries(form));
}

/** From its parts, as Socket Mode names them. */
export function readSlackEvent(type: string, body: unknown): SlackEvent {
  if (type === 'events_api') return readEvent(body);
  if (type === 'interactive') return readInteraction(body);
  if (type === 'slash_commands') return readCommand(body);
  return { kind: 'other', name: type.slice(0, 80) };
}

function readEvent(body: unknown): SlackEvent {
  const type = textAt(body, 'type');
  if (type === 'url_verification') return { kind: 'handshake', challenge: textAt(body, 'challenge') };
  const name = textAt(body, 'event', 'type');
  const actor = {
    teamId: textAt(body, 'team_id'),
    userId: textAt(body, 'event', 'user'),
  };
  if (name !== 'app_home_opened' || textAt(body, 'event', 'tab') !== 'home' || !isWhole(actor)) {
    return { kind: 'other', name: name || type };
  }
  return { kind: 'home', actor, eventTs: textAt(body, 'event', 'event_ts') || textAt(body, 'event_id') };
}

function readInteraction(body: unknown): SlackEvent {
  const type = textAt(body, 'type');
  const actor = {
    // Of the presser, not of the channel: one that two workspaces share has people of both.
    teamId: textAt(body, 'user', 'team_id') || textAt(body, 'team', 'id'),
    userId: textAt(body, 'user', 'id'),
  };
  const view = at(body, 'view');
  if (type === 'view_submission' && isWhole(actor)) {
    return {
      kind: 'submission',
      actor,
      callbackId: textAt(view, 'callback_id'),
      viewId: textAt(view, 'id'),
      metadata: textAt(view, 'private_metadata'),
      fields: readFields(at(view, 'state', 'values')),
    };
  }
  const actions = at(body, 'actions');
  const action: unknown = Array.isArray(actions) ? actions[0] : undefined;
  if (type !== 'block_actions' || action === undefined || !isWhole(actor)) return { kind: 'other', name: type };
  return {
    kind: 'action',
    actor,
    actionId: textAt(action, 'action_id'),
    actionTs: textAt(action, 'action_ts'),
    value: valueOf(action),
    triggerId: textAt(body, 'trigger_id'),
    responseUrl: textAt(body, 'response_url') || null,
    channel: textAt(body, 'channel', 'id') || null,
  };
}

function readCommand(body: unknown): SlackEvent {
  const actor = {
    teamId: textAt(body, 'team_id'),
    userId: textAt(body, 'user_id'),
  };
  const command = textAt(body, 'command');
  if (command === '' || !isWhole(actor)) return { kind: 'other', name: command };
  return { kind: 'command', actor, command, text: textAt(body, 'text') };
}

function readFields(values: unknown): Record<string, string> {
  if (typeof values !== 'object' || values === null) return {};
  return Object.fromEntries(
    Object.entries(values as Record<string, unknown>).map(([block, inputs]) => {
      const [first] = Object.keys(inputs ?? {});
      return [block, first === undefined ? '' : valueOf(at(inputs, first))];
    }),
  );
}

/** Of a button, a text, a date or a choice. */
function valueOf(input: unknown): string {
  return textAt(input, 'value') || textAt(input, 'selected_date') || textAt(input, 'selected_option', 'value');
}

function isWhole({ teamId, userId }: SlackActor): boolean {
  return teamId !== '' && userId !== '';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function at(value: unknown, ...path: string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}
