/** The command that sets a limit, as an item of the inbox offers it. */
import type { Decimal } from '../kernel/decimal.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';

export function setCommand(given: {
  scope: EnvelopeScope;
  period: string;
  limit: Decimal | '…';
  currency: string;
  counts: 'controlled' | 'loaded';
}): string {
  const { scope, period, limit, currency, counts } = given;
  const whose = scope.id === null ? `--${scope.kind}` : `--${scope.kind} ${scope.id}`;
  const basis = counts === 'loaded' ? ' --counts loaded' : '';
  return `outturn envelopes set ${whose} --period ${period} --limit ${limit} --currency ${currency}${basis}`;
}
