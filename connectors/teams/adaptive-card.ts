/**
 * A message as the Adaptive Card that a Workflows webhook of Teams posts. The text stands in runs, which have no markup, so that nothing
 * foreign can become any.
 */
import type { ChatMessage } from '../../services/kernel/chat-port.ts';

/** The documented payload: a message with one card attached. */
export function teamsPayload({ plain }: ChatMessage): object {
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: plain.paragraphs.join(' '),
    body: [
      ...plain.paragraphs.map((text, index) => textBlock({ text, weight: index === 0 ? 'Bolder' : 'Default' })),
      ...(plain.byHand === undefined ? [] : [textBlock({ text: plain.byHand, isSubtle: true })]),
    ],
    msteams: { width: 'Full' },
  };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  };
}

function textBlock(run: object): object {
  return { type: 'RichTextBlock', inlines: [{ type: 'TextRun', ...run }] };
}
