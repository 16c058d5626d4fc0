import { commands, Uri, window, workspace } from 'vscode'
import { type ContextAddress, encodeContextAddress, parseContextAddress } from '../../contracts/contextAddress.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said, t } from '../../support/l10n.ts'
import { inert } from '../../support/printable.ts'
import { CONTEXT_SCHEME } from '../readers.ts'
import { contextText, documentName, unresolved, verdictOf } from './contextText.ts'
import { findContext, type FindPorts, type FoundContext } from './findContext.ts'

/** Contexts as read-only documents, to search and to compare. The text is made when the editor asks for it, also after a reload. */
export class ContextDocuments {
  private readonly ports: FindPorts

  constructor(ports: FindPorts) {
    this.ports = ports
  }

  /** @param query of the address of a document, from anybody */
  async text(query: string): Promise<string> {
    try {
      const address = parseContextAddress(query)
      if (address === undefined) throw new CountersignError('usage', 'Its address names no context.')
      return contextText(await findContext(this.ports, address), address.reveal)
    } catch (thrown) {
      return unresolved(t(toCountersignError(thrown).sentence))
    }
  }

  async find(address: ContextAddress): Promise<FoundContext> {
    return await findContext(this.ports, address)
  }

  /** @throws CountersignError those of `findContext` */
  async open(address: ContextAddress): Promise<void> {
    const uri = await this.uriOf(address)
    if (uri === undefined) return
    await window.showTextDocument(await workspace.openTextDocument(uri), { preview: true })
  }

  /** Two of them side by side. @throws CountersignError those of `findContext` */
  async compare(left: ContextAddress, right: ContextAddress): Promise<void> {
    const [one, other] = [await this.uriOf(left), await this.uriOf(right)]
    if (one === undefined || other === undefined) return
    await commands.executeCommand('vscode.diff', one, other, `${nameIn(one)} ↔ ${nameIn(other)}`, { preview: true })
  }

  /** undefined: the person thought better of it. */
  private async uriOf(address: ContextAddress): Promise<Uri | undefined> {
    const found = await this.find(address)
    const reveal = address.reveal || (await askToReveal(found))
    if (reveal === undefined) return undefined
    return Uri.from({
      scheme: CONTEXT_SCHEME,
      path: `/${documentName(found)}`,
      query: encodeContextAddress({ ...address, reveal }),
    })
  }
}

/** Nobody is to act on bytes that did not verify because they looked like any others. */
async function askToReveal(found: FoundContext): Promise<boolean | undefined> {
  if (verdictOf(found) === 'verified' || found.entry?.context === undefined) return false
  const why = found.row?.reason ?? t(found.verdict?.error?.sentence ?? said('Nothing of it has been verified.'))
  const show = t('Show Bytes')
  const choice = await window.showWarningMessage(
    t('This context did not verify. Show its bytes anyway?'),
    { modal: true, detail: inert(why) },
    show,
    t('Without Bytes'),
  )
  return choice === undefined ? undefined : choice === show
}

function nameIn({ path }: Uri): string {
  return path.slice(1).replace(' (rendering).jsonc', '')
}
