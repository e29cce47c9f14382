/** A message as an event of a webhook: its type, when it happened, and figures as decimal texts beside the sentence. */
import type { ChatMessage } from '../../services/kernel/chat-port.ts';

const TYPES: Readonly<Record<string, string>> = {
  crossing: 'alert.created',
  escalation: 'alert.escalated',
  'held-notice': 'alert.held',
  'delivery-failure': 'alert.undelivered',
  'raise-request': 'raise.requested',
  'raise-answer': 'raise.answered',
  'operator-notice': 'operator.notice',
  'evidence-broken': 'evidence.broken',
};

export interface WebhookEvent {
  /** Of this event: the same over every attempt, another for each revision. */
  readonly id: string;
  readonly body: string;
}

/** The event that says what the message says now; `isUpdate` where it was told before. */
export function webhookEvent(
  message: Omit<ChatMessage, 'threadTs'>,
  { isUpdate }: { isUpdate: boolean },
): WebhookEvent {
  const { figures, plain } = message;
  const type = isUpdate ? 'alert.updated' : (TYPES[figures.kind] ?? `message.${figures.kind.replaceAll('-', '_')}`);
  const body = {
    type,
    timestamp: figures.happenedAt.toISOString(),
    data: {
      messageId: figures.id,
      revision: figures.revision,
      answersMessageId: figures.answersId,
      alerts: figures.alerts,
      text: plain.paragraphs.join(' '),
    },
  };
  return { id: `msg_${figures.id}_${figures.revision}`, body: JSON.stringify(body) };
}
