import { rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { commands, Uri, window } from 'vscode'
import { type Exported, exportBundle } from '../../../evidence/bundle/exportBundle.ts'
import { writeNewFile } from '../../../evidence/bundle/file.ts'
import { BUNDLE_EXTENSION } from '../../../evidence/bundle/format.ts'
import { openJournal } from '../../../evidence/journal/store.ts'
import type { Clock } from '../../../support/clock.ts'
import { t } from '../../../support/l10n.ts'
import type { KeyRing } from '../../../trust/keyRing.ts'
import { knownKeys } from '../../../trust/knownKeys.ts'
import type { SigningIdentity } from '../../identity/signingIdentity.ts'
import { withProgress } from '../../progress.ts'
import { BUNDLE_EDITOR } from '../../readers.ts'
import { contexts } from '../counted.ts'
import { chooseEvidence, chooseRedaction } from './chooseEvidence.ts'
import { choiceFrom, type EvidenceChoice } from './evidenceChoice.ts'
import { notify } from '../../notify.ts'
import { pathHere } from '../../pathHere.ts'

export interface EvidencePorts {
  /** Folders of this editor's journal and state. */
  readonly evidence: { readonly journal: string; readonly state: string }
  readonly identity: SigningIdentity
  readonly ring: KeyRing
  readonly clock: Clock
}

/**
 * *Export Evidence…*: one context, a session, a time range or everything of this editor's journal, as one file that its
 * reader can verify. Signed with the identity key, so a PIN may be asked for.
 * @param target what the panel wants exported; anything else asks the person
 * @throws CountersignError those of the key, the journal and the file
 */
export async function exportEvidence(ports: EvidencePorts, target: unknown): Promise<void> {
  const journal = await openJournal(ports.evidence.journal)
  const choice = choiceFrom(target) ?? (await chooseEvidence(journal, ports.clock))
  if (choice === undefined) return
  const redact = await chooseRedaction(choice)
  if (redact === undefined) return
  const file = await window.showSaveDialog({
    title: t('Export Evidence'),
    saveLabel: t('Export'),
    defaultUri: Uri.file(join(homedir(), `${choice.name}${BUNDLE_EXTENSION}`)),
    filters: { 'Countersign evidence': [BUNDLE_EXTENSION.slice(1)] },
  })
  if (file === undefined) return
  const path = pathHere(file)
  const { signer } = await ports.identity.get({ asked: true })
  const exported = await withProgress(t('Exporting evidence'), async (signal, report) => {
    const known = await knownKeys(await ports.ring.list(), ports.evidence.state)
    return await replacing(path, (part) =>
      writeNewFile(part, (write) =>
        exportBundle(journal.read(signal), {
          ...choice.choice,
          ...known,
          exporter: signer,
          at: ports.clock.now(),
          redact,
          write,
          signal,
          progress: (records) => report(t`${contexts(records)} so far`),
        }),
      ),
    )
  })
  tell(file, exported, choice)
}

/** The person agreed in the dialog to what is there being replaced: it is, when the new file is whole. */
async function replacing<T>(path: string, work: (path: string) => Promise<T>): Promise<T> {
  const part = `${path}.part`
  // What is left of an export that the editor did not survive.
  await rm(part, { force: true })
  const result = await work(part)
  await rename(part, path)
  return result
}

function tell(file: Uri, exported: Exported, { whole }: EvidenceChoice): void {
  const { records, redacted, encrypted, problems } = exported
  const parts = [
    t`${contexts(records)} went into ${file.fsPath}.`,
    ...(redacted > 0 ? [t`The bytes of ${contexts(redacted)} were left out.`] : []),
    ...(encrypted > 0 ? [t`${contexts(encrypted)} are in it by digest only: the journal has them encrypted.`] : []),
    ...(problems.length > 0 ? [t`The journal itself is damaged or not complete: ${problems[0] ?? ''}.`] : []),
    ...(whole ? [] : [t('It shows what is in it, and not that nothing is missing around it.')]),
    t`Its reader says: countersign verify --trust KEYS ${BUNDLE_NAME}, with your keys (Export Keys…) and the gateway's.`,
  ]
  void notify.info(parts.join(' '), t('Open')).then((pressed) => {
    if (pressed !== undefined) void commands.executeCommand('vscode.openWith', file, BUNDLE_EDITOR)
  })
}

const BUNDLE_NAME = `FILE${BUNDLE_EXTENSION}`
