/** Slack as delivery uses it: what is posted there has buttons where they would be heard, and calls people by their names. */
import { slackSender } from '../connectors/slack/post-message.ts';
import { slackWorkspace } from '../connectors/slack/workspace.ts';
import { dressedSender } from '../services/alerts/slack-dressing.ts';
import type { ChatPort } from '../services/kernel/chat-port.ts';
import type { Settings } from '../services/kernel/settings.ts';
import type { JobContext } from './job-context.ts';

/** Those whom a message calls are looked up while it is claimed. */
const LOOK_UP_TIMEOUT_MS = 5_000;

/** Null without a token. */
export function dressedSlackSender({
  db,
  clock,
  settings,
}: Pick<JobContext, 'db' | 'clock' | 'settings'>): ChatPort | null {
  const sender = slackSender(settings.slack);
  const workspace = slackWorkspace({ ...settings.slack, timeoutMs: LOOK_UP_TIMEOUT_MS });
  if (sender === null || workspace === null) return null;
  return dressedSender(db, { sender, workspace, clock, hasButtons: isInteractive(settings.slack) });
}

/** Whether Slack can tell us what was pressed: by a signed request, or over Socket Mode. */
export function isInteractive({ signingSecret, appToken }: Settings['slack']): boolean {
  return signingSecret !== undefined || appToken !== undefined;
}
