/** A message as delivery hands it to a channel. */
import type { ChatMessage } from '../../services/kernel/chat-port.ts';
import { decimal } from '../../services/kernel/decimal.ts';

export function chatMessage(given: Partial<ChatMessage> & { channel: string }): ChatMessage {
  return {
    text: 'x',
    blocks: [],
    metadata: { eventType: 'outturn_alert', alertId: 'a' },
    plain: { subject: 'Checkout: 80 % of the envelope for Q4 2026', paragraphs: ['x'] },
    figures: {
      id: '7d3f6c1e-0000-4000-8000-000000000001',
      kind: 'crossing',
      revision: 1,
      happenedAt: new Date('2026-09-20T08:00:00Z'),
      answersId: null,
      alerts: [
        {
          alertId: 'a',
          envelopeId: '1',
          scope: { kind: 'pod', id: 'checkout' },
          period: '2026-Q4',
          rung: decimal('0.8'),
          episode: 1,
          episodeState: 'open',
          reason: 'spend',
          actual: decimal('40312.10'),
          limit: decimal('50000'),
          currency: 'USD',
        },
      ],
    },
    ...given,
  };
}
