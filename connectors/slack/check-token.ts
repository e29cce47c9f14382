/** Asks Slack whom a token belongs to: the doctor's proof that alerts can be sent. */
import { WebAPIPlatformError } from '@slack/web-api';
import { AppError } from '../../services/kernel/errors.ts';
import { openSlackClient, type SlackSettings } from './slack-client.ts';

/**
 * The bot and the workspace of the token.
 * @throws AppError slack_refused with Slack's reason and the fix.
 */
export async function checkSlackToken(settings: SlackSettings): Promise<{ user: string; team: string }> {
  const client = openSlackClient(settings.botToken ?? '', settings);
  try {
    const answer = await client.auth.test();
    return { user: answer.user ?? 'unknown', team: answer.team ?? 'unknown' };
  } catch (error) {
    const reason = error instanceof WebAPIPlatformError ? error.data.error : describe(error);
    throw new AppError(
      'slack_refused',
      `Slack does not accept SLACK_BOT_TOKEN: ${reason}. Set the bot token (xoxb-…) of your installed app; see SLACK_API_URL where it is not Slack itself.`,
      { cause: error },
    );
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
