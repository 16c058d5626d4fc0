import { env, window } from 'vscode'
import { CountersignError } from '../../../support/errors.ts'
import { t } from '../../../support/l10n.ts'
import type { ContextDocuments } from '../../documents/contextDocuments.ts'
import { documentName } from '../../documents/contextText.ts'
import { pickContext, type PickPorts } from '../../documents/pickContext.ts'
import { evidenceLine } from '../../evidence/evidenceLine.ts'

export interface ContextCommandPorts {
  readonly picking: PickPorts
  readonly documents: ContextDocuments
}

/** *Open Context as Document…* */
export async function openContext({ picking, documents }: ContextCommandPorts): Promise<void> {
  const address = await pickContext(picking, t('Open Context as Document'))
  if (address !== undefined) await documents.open(address)
}

/** *Compare Contexts…*: a question with its answer, or two calls of one tool. */
export async function compareContexts({ picking, documents }: ContextCommandPorts): Promise<void> {
  const left = await pickContext(picking, t('Compare Contexts'))
  const right = left === undefined ? undefined : await pickContext(picking, t('Compare Contexts'), left)
  if (left !== undefined && right !== undefined) await documents.compare(left, right)
}

/** *Copy Evidence…*: the record that `countersign verify` reads, as the panel copies it. */
export async function copyEvidence({ picking, documents }: ContextCommandPorts): Promise<void> {
  const address = await pickContext(picking, t('Copy Evidence'))
  if (address === undefined) return
  const found = await documents.find(address)
  const { entry } = found
  if (entry === undefined) throw new CountersignError('usage', 'There is no evidence of this context here.')
  const line = evidenceLine({ entry })
  await env.clipboard.writeText(line)
  const bytes = Buffer.byteLength(line)
  window.setStatusBarMessage(t`$(countersign-ready) Evidence of ${documentName(found)} copied, ${bytes} bytes`, 10_000)
}
