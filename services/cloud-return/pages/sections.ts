/** The pages after the first, in their order. Delivery figures and speed tests are no page until there are any. */
import type { CloudReturn } from '../shape.ts';
import { costBridgeSection, scorecardSection, valueBridgeSection } from './bridge-pages.ts';
import type { PageSection } from './page-table.ts';
import { envelopeSection, moverSection, podSection, unitCostSection } from './pod-pages.ts';
import { alertSection, driftSection, methodSection, unattributedSection } from './rest-pages.ts';

export type SectionName = 'scorecard' | 'costBridge' | 'valueBridge' | 'other';

/** Every section, with the name of those that are drawn too. */
export function sectionsOf(found: CloudReturn): (PageSection & { readonly name: SectionName })[] {
  const others = [
    envelopeSection,
    podSection,
    unitCostSection,
    moverSection,
    unattributedSection,
    driftSection,
    alertSection,
    methodSection,
  ];
  return [
    { name: 'scorecard', ...scorecardSection(found) },
    { name: 'costBridge', ...costBridgeSection(found) },
    { name: 'valueBridge', ...valueBridgeSection(found) },
    ...others.map((section) => ({ name: 'other' as const, ...section(found) })),
  ];
}
