/**
 * Mail as a channel. It cannot be rewritten or read back: a message whose fate is unknown stays so unless it is urgent, and of what changes
 * later only the end is told, as an answer to the first mail.
 */
import type { ChannelAbilities, ChatMessage, PostOutcome } from '../../services/kernel/chat-port.ts';
import type { SmtpOptions } from './smtp-session.ts';

export const MAIL_ABILITIES: ChannelAbilities = {
  revision: 'answers the end',
  threads: true,
  settling: 'cannot',
  isInteractive: false,
  server: 'mail',
};

export async function postMail(message: ChatMessage, address: string, options: SmtpOptions): Promise<PostOutcome> {
  const { from } = options.settings;
  const { bareAddress, composeMail } = await import('./compose-mail.ts');
  const { sendMail } = await import('./smtp-session.ts');
  const mail = await composeMail(message, { address, from });
  return sendMail({ ...mail, from: bareAddress(from), to: address }, options);
}
