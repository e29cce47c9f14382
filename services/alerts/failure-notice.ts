/** What finance reads where an alert could not be delivered: why, what to change, and the alert itself. */
import { cutEscaped, escapeForeign, SECTION_LENGTH_MAX, TEXT_LENGTH_MAX } from './slack-text.ts';

/** Slack's words for what an operator can put right. */
const FIXES: Readonly<Record<string, string>> = {
  channel_not_found: 'Correct the channel id in the organisation file, or invite the app to the private channel.',
  not_in_channel: 'Invite the app to the channel.',
  is_archived: 'Name another channel in the organisation file.',
  invalid_auth: 'Set a valid SLACK_BOT_TOKEN.',
  token_revoked: 'Install the app again and set its new SLACK_BOT_TOKEN.',
  missing_scope: 'Give the app the scope chat:write.',
};

/** The notice, as text and blocks; the alert's own text is escaped already. */
export function composeFailureNotice(
  message: { readonly channel: string; readonly text: string; readonly blocks: readonly unknown[] },
  error: string,
): { text: string; blocks: readonly unknown[] } {
  const fix = FIXES[error];
  const headline =
    `This alert could not be delivered to ${escapeForeign(message.channel)}: ${escapeForeign(error)}.` +
    (fix === undefined ? '' : ` ${fix}`);
  return {
    text: cutEscaped(`${headline} ${message.text}`, TEXT_LENGTH_MAX),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: cutEscaped(headline, SECTION_LENGTH_MAX) } },
      ...message.blocks,
    ],
  };
}
