/** Which words of a bill are taken for known ones, and which are not. */
import { describe, expect, test } from 'vitest';
import { nearMiss } from '../../services/reports/near-miss.ts';

const KNOWN = ['application', 'cost-centre', 'team', 'env', 'pod'];

describe('a word of a bill', () => {
  test.for([
    ['aplication', 'application', 'typo'],
    ['applicatoin', 'application', 'typo'],
    ['Application', 'application', 'case'],
    ['application ', 'application', 'case'],
    ['user:team', 'team', 'spelling'],
    ['Cost Centre', 'cost-centre', 'spelling'],
    ['cost_center', 'cost-centre', 'typo'],
    ['teams', 'team', 'typo'],
  ] as const)('%s is meant for %s: %s', ([word, meant, fault]) => {
    expect(nearMiss(word, KNOWN)).toEqual({ meant, fault });
  });

  test.for(['application', 'env', 'end', 'prod', 'os', 'tier', 'name', 'app', 'owner', 'cost', ''])(
    '%s is known, or meant for none of them',
    (word) => {
      expect(nearMiss(word, KNOWN)).toBeNull();
    },
  );
});
