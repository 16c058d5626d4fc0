import { t, translated } from '../../src/support/l10n.ts'

/** Every word of the editor for bundles, in one place. */
export const strings = translated({
  title: 'Evidence bundle',
  reading: (read: string, all: string) =>
    t`Verifying: ${read} of ${all} read. Nothing is believed before it was checked.`,
  failed: 'This bundle was not verified',
  verdict: {
    holds: 'Verified',
    false: 'False',
    incomplete: 'Incomplete',
  },
  meaning: {
    holds:
      'Every context in this file is what its signer signed, nothing is missing from its sessions, and you know who signed.',
    false:
      'Something in this file is not what was signed. The reasons are below; nothing else in it should be relied on.',
    incomplete: 'Nothing in this file is false. What could not be compared, or is missing, is listed below.',
    stranger:
      'Nothing in this file is false, but it was signed by keys that this editor does not know: anybody can have made them.',
  },
  state: { holds: 'holds', false: 'false', incomplete: 'incomplete' },
  again: 'Verify Again',
  summary: {
    title: 'Summary',
    contexts: 'Contexts',
    sessions: 'Sessions',
    redacted: 'Redacted',
    redactedTitle: 'Their bytes were taken out; their digest is signed',
    acknowledged: 'Acknowledged',
    acknowledgedTitle: 'The other end signed that it had verified them',
    time: 'Time',
    timeTitle: 'As the signers say',
    exported: 'Exported',
    noManifest: 'The file has no manifest: its end is missing',
    size: 'File',
    checked: 'Verified',
    between: (from: string, to: string) => `${from} – ${to}`,
    exportedAt: (at: string, state: string) => t`${at}, manifest ${state}`,
  },
  findings: {
    title: 'Findings',
    false: 'False',
    incomplete: 'Missing or not compared',
    line: (lines: string) => t`line ${lines}`,
    lines: (lines: string, count: string) => t`lines ${lines} (${count} in all)`,
    whole: 'the file as a whole',
    more: (count: string) => t`${count} more findings are not listed. countersign verify lists all of them.`,
  },
  keys: {
    title: 'Keys',
    known: 'known',
    view: 'trusted here',
    viewTitle: 'You said so for this view only; nothing was stored',
    unknown: 'not known',
    unknownTitle: 'Not among your keys and pins',
    exporter: 'put this file together',
    contexts: (count: string) => t`${count} contexts`,
    trust: 'Trust for This View',
    trustTitle: (words: string) => t`Compare these words with the owner of the key first: ${words}`,
    custodyClaimed: 'as its signer claims',
  },
  sessions: {
    title: 'Sessions',
    sid: 'Session',
    out: 'To the gateway',
    back: 'From the gateway',
    statements: (count: string, closed: boolean, never: string) =>
      closed
        ? never === ''
          ? t`${count} statements, closed`
          : t`${count} statements, closed, ${never} never acknowledged`
        : never === ''
          ? t`${count} statements, not closed`
          : t`${count} statements, not closed, ${never} never acknowledged`,
    more: (listed: string, count: string) => t`The first ${listed} of ${count} sessions are listed.`,
  },
  rows: {
    title: 'Contexts',
    label: 'Contexts of this bundle',
    line: 'Line',
    verdict: 'Verdict',
    context: 'Context',
    server: 'Server',
    time: 'Time',
    size: 'Size',
    reason: 'Reason',
    unreadable: 'a statement that cannot be read',
    none: 'There is no context in this file.',
    more: (listed: string, count: string) =>
      t`The first ${listed} of ${count} contexts are listed; verdict and findings are about all of them. countersign verify lists each.`,
  },
  dir: { c2s: 'to the gateway', s2c: 'from the gateway' },
  ended: (verdict: string) => t`Verification ended: ${verdict}`,
} as const)
