/**
 * Named points at which a test may kill the process with SIGKILL, to show that work can be taken up again from any of them. A point
 * costs one comparison, and nothing happens unless OUTTURN_FAULT names it. In a forked child the parent dies with it: to the outside
 * a worker and its child are one process.
 */

/** Every point, in the order in which a bill passes them, fetched ones first; then those of a new rulebook, of closing, of delivery, of Slack, of events. */
export const FAULT_POINTS = [
  'fetch-after-download',
  'inspect-after-copy',
  'inspect-after-archive',
  'sync-after-inspect',
  'sync-after-file',
  'register-before-commit',
  'register-after-commit',
  'stage-after-grouping',
  'stage-after-origins',
  'stage-after-charges',
  'stage-before-commit',
  'stage-after-commit',
  'finish-before-commit',
  'attach-before-commit',
  'attach-after-commit',
  'publish-before-transaction',
  'publish-after-locks',
  'publish-between-states',
  'publish-after-states',
  'publish-after-figures',
  'publish-before-commit',
  'publish-after-commit',
  'prepare-rulebook-after-step',
  'prepare-rulebook-after-load',
  'activate-rulebook-after-switch',
  'activate-rulebook-before-commit',
  'close-after-rows',
  'close-before-commit',
  'approve-before-commit',
  'plan-before-rollback',
  'deliver-before-claim',
  'deliver-after-claim',
  'deliver-after-send',
  'deliver-after-record',
  'deliver-after-lookup',
  'deliver-after-edit',
  'slack-after-keep',
  'slack-after-act',
  'intake-after-keep',
  'sweep-after-gap',
  'sweep-after-ask',
  'sweep-before-finish',
  'events-after-claim',
  'events-before-commit',
  'events-after-commit',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Dies here, without a chance to clean up, where the environment asks for it. */
export function faultPoint(name: FaultPoint): void {
  // oxlint-disable-next-line node/no-process-env -- The one setting that is no setting: it must reach every process, unparsed.
  if (process.env['OUTTURN_FAULT'] !== name) return;
  if (process.connected) process.kill(process.ppid, 'SIGKILL');
  process.kill(process.pid, 'SIGKILL');
}
