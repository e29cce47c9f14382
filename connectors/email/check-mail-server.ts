/** Asks the mail server for its greeting and, with a password, to be let in: the doctor's proof that mail can be sent. Nothing is. */
import type { MailSettings } from '../../services/kernel/channel-settings.ts';
import { describeSmtpFailure, greetServer } from './smtp-session.ts';

/** What is wrong, in the server's words; null where nothing is. */
export async function mailServerFault(settings: MailSettings, timeoutMs?: number): Promise<string | null> {
  try {
    await greetServer({ settings, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    return null;
  } catch (error) {
    return describeSmtpFailure(error);
  }
}
