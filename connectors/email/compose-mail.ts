/**
 * A message as a mail: plain text, and the same as HTML, both without markup from outside. Its Message-ID is made from the message's own id, so
 * that a second try is the same mail to whoever looks; what answers another mail names it.
 */
import MailComposer from 'nodemailer/lib/mail-composer';
import type { ChatMessage } from '../../services/kernel/chat-port.ts';

export interface ComposedMail {
  readonly messageId: string;
  readonly raw: Buffer;
}

/** `address` is one address; `from` as MAIL_FROM has it. */
export async function composeMail(
  message: ChatMessage,
  { address, from }: { address: string; from: string },
): Promise<ComposedMail> {
  const { plain, threadTs } = message;
  const { paragraphs, byHand } = plain;
  const messageId = `<${message.figures.id}@${domainOf(from)}>`;
  const raw = await new MailComposer({
    from,
    to: { name: '', address },
    subject: plain.subject,
    messageId,
    ...(threadTs === undefined ? {} : { inReplyTo: threadTs, references: threadTs }),
    // Nobody's out-of-office note is wanted in return (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    text: [...paragraphs, ...(byHand === undefined ? [] : [byHand])].join('\n\n'),
    html: [
      '<!doctype html><meta charset="utf-8"><body style="font-family:sans-serif">',
      ...paragraphs.map((paragraph, index) => {
        const text = escapeHtml(paragraph);
        return `<p>${index === 0 ? `<strong>${text}</strong>` : text}</p>`;
      }),
      ...(byHand === undefined ? [] : [`<p style="color:#666">${escapeHtml(byHand)}</p>`]),
    ].join('\n'),
    // Nothing of a message is ever read from a disk or fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();
  return { messageId, raw };
}

/** `alerts@example.com`, of an address with or without a name before it. */
export function bareAddress(from: string): string {
  return /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from.trim();
}

function domainOf(from: string): string {
  return bareAddress(from).split('@').at(-1) ?? 'outturn';
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
