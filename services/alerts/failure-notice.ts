/** What finance reads where an alert could not be delivered: why, what to change, and the alert itself. */
import { section } from './slack-blocks.ts';
import { cutEscaped, escapeForeign, TEXT_LENGTH_MAX } from './slack-text.ts';

/** Slack's words for what somebody can put right. */
const FIXES: Readonly<Record<string, string>> = {
  channel_not_found: 'Correct the channel id in the organisation file, or invite the app to the private channel.',
  not_in_channel: 'Invite the app to the channel.',
  is_archived: 'Name another channel in the organisation file.',
  invalid_auth: 'Set a valid SLACK_BOT_TOKEN.',
  token_revoked: 'Install the app again and set its new SLACK_BOT_TOKEN.',
  missing_scope: 'Give the app the scope chat:write.',
  users_not_found: 'Invite the person to the workspace, or correct the address in the organisation file.',
};

/** What to look at, by the form of the channel, where its own words say no more. */
const FIXES_BY_FORM: readonly (readonly [form: RegExp, fix: string])[] = [
  [/^mailto:/, 'Correct the address in the organisation file, or what SMTP_URL and MAIL_FROM say.'],
  [/^teams:/, 'Set the address of a workflow that is there; a deleted one, or one without an owner, says no.'],
  [/^webhook:/, 'Correct the address, or let the receiver answer 2xx to what is signed.'],
];

/** The notice, as text and blocks; the alert's own text is escaped already. */
export function composeFailureNotice(
  message: { readonly channel: string; readonly text: string; readonly blocks: readonly unknown[] },
  error: string,
): { text: string; blocks: readonly unknown[] } {
  const fix = FIXES[error] ?? FIXES_BY_FORM.find(([form]) => form.test(message.channel))?.[1];
  const headline =
    `This alert could not be delivered to ${escapeForeign(message.channel)}: ${escapeForeign(error)}.` +
    (fix === undefined ? '' : ` ${fix}`);
  // Blocks that were refused would be refused again, and nobody would hear.
  const said = error.includes('block') ? [section(message.text)] : message.blocks;
  return {
    text: cutEscaped(`${headline} ${message.text}`, TEXT_LENGTH_MAX),
    blocks: [section(headline), ...said],
  };
}
