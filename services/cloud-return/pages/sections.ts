/** The pages after the first, in their order. Delivery figures and speed tests are no page until there are any. */
import type { CloudReturn } from '../shape.ts';
import { costBridgeSection, scorecardSection, valueBridgeSection } from './bridge-pages.ts';
import type { PageSection } from './page-table.ts';
import { claimAgeSection, enablingSection, valueBasisSection } from './outcome-pages.ts';
import { envelopeSection, moverSection, podSection, unitCostSection } from './pod-pages.ts';
import { hasFigures } from '../wording.ts';
import {
  alertSection,
  commentSection,
  decisionSection,
  driftSection,
  methodSection,
  unattributedSection,
} from './rest-pages.ts';

export type SectionName = 'scorecard' | 'costBridge' | 'valueBridge' | 'other';

/** Every section, with the name of those that are drawn too; none where the quarter has no figures. */
export function sectionsOf(found: CloudReturn): (PageSection & { readonly name: SectionName })[] {
  if (!hasFigures(found)) return [];
  const others = [
    envelopeSection,
    podSection,
    valueBasisSection,
    claimAgeSection,
    enablingSection,
    unitCostSection,
    moverSection,
    unattributedSection,
    driftSection,
    alertSection,
    decisionSection,
    commentSection,
    methodSection,
  ];
  return [
    { name: 'scorecard', ...scorecardSection(found) },
    { name: 'costBridge', ...costBridgeSection(found) },
    { name: 'valueBridge', ...valueBridgeSection(found) },
    ...others.flatMap((sectionOf) => {
      const section = sectionOf(found);
      return section === null ? [] : [{ name: 'other' as const, ...section }];
    }),
  ];
}
