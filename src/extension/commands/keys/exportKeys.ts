import { writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Uri, window } from 'vscode'
import { CountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { exportRing } from '../../../trust/keyRing.ts'
import { keys } from '../counted.ts'
import type { SlotPorts } from '../slotPorts.ts'
import { notify } from '../../notify.ts'
import { pathHere } from '../../pathHere.ts'

/** *Export Keys…*: the public keys of this editor with the time in which each counted, for `countersign verify --trust FILE`. */
export async function exportKeys({ ring }: SlotPorts): Promise<void> {
  const lives = await ring.list()
  if (lives.length === 0) {
    throw new CountersignError(
      'key-missing',
      'No key of this editor has signed anything yet. Connect once, then export.',
    )
  }
  const target = await window.showSaveDialog({
    title: t('Export Keys'),
    saveLabel: t('Export'),
    defaultUri: Uri.file(join(homedir(), 'countersign-keys.json')),
    filters: { 'Countersign keys': ['json'] },
  })
  if (target === undefined) return
  const path = pathHere(target)
  const bytes = exportRing(lives)
  try {
    await writeFile(path, bytes, { mode: 0o644 })
  } catch (cause) {
    throw new CountersignError('file-unreadable', said`${path} cannot be written.`, { cause })
  }
  void notify.info(
    t`${keys(lives.length)} went into ${path}. Nobody signed that file: hand it over so that its reader knows it is yours, and say countersign verify --trust with it.`,
  )
}
