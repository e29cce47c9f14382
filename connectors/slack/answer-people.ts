/** What one person sees and nobody else: forms, the app's home, answers to what they pressed. */
import type { View } from '@slack/web-api';
import { openSlackClient, slackFetch, type SlackSettings } from './slack-client.ts';
import { refusalOf, slackFailure } from './slack-failure.ts';

/** Slack waits three seconds for an answer, and a form may be opened as long. */
const FORM_TIMEOUT_MS = 2_500;
const ANSWER_TIMEOUT_MS = 10_000;

/** Opens a form; false where Slack's permission to open it has run out. @throws AppError slack_refused, TransientError */
export async function openForm(settings: SlackSettings, form: { triggerId: string; view: object }): Promise<boolean> {
  const client = openSlackClient(settings.botToken ?? '', { ...settings, timeoutMs: FORM_TIMEOUT_MS });
  try {
    await client.views.open({ trigger_id: form.triggerId, view: form.view as View });
    return true;
  } catch (error) {
    if (['expired_trigger_id', 'invalid_trigger_id', 'exchanged_trigger_id'].includes(refusalOf(error) ?? ''))
      return false;
    throw slackFailure(error);
  }
}

/** What the person sees on the app's home. @throws AppError slack_refused, TransientError */
export async function showHome(settings: SlackSettings, home: { userId: string; view: object }): Promise<void> {
  const client = openSlackClient(settings.botToken ?? '', settings);
  try {
    await client.views.publish({ user_id: home.userId, view: home.view as View });
  } catch (error) {
    throw slackFailure(error);
  }
}

export interface Recipient {
  readonly userId: string;
  readonly channel: string | null;
  readonly responseUrl: string | null;
}

/** Tells one person alone, where they pressed; answers whether it could. @throws AppError slack_refused, TransientError */
export async function tellAlone(settings: SlackSettings, to: Recipient, text: string): Promise<boolean> {
  if (to.responseUrl !== null && (await answerAt(to.responseUrl, text))) return true;
  if (to.channel === null) return false;
  const client = openSlackClient(settings.botToken ?? '', settings);
  try {
    await client.chat.postEphemeral({ channel: to.channel, user: to.userId, text });
    return true;
  } catch (error) {
    if (refusalOf(error) !== null) return false;
    throw slackFailure(error);
  }
}

/** The address works five times within half an hour; afterwards, or where it is not reached, there is the channel. */
async function answerAt(url: string, text: string): Promise<boolean> {
  try {
    const answer = await slackFetch()(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ response_type: 'ephemeral', replace_original: false, text }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    await answer.text();
    return answer.ok;
  } catch {
    return false;
  }
}
