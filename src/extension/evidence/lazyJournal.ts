import { journalLimits } from '../../contracts/journalConfig.ts'
import type { Settings } from '../../contracts/settings.ts'
import type { Journal } from '../../evidence/journal/journal.ts'
import type { EvidenceSink } from '../../evidence/types.ts'
import type { Log } from '../../support/log.ts'

/** The journal of this window, begun with its first session: a window that signs nothing leaves no file. */
export class LazyJournal {
  private readonly folder: string
  private readonly settings: () => Settings['journal']
  private readonly log: Log
  private open: { readonly journal: Promise<Journal>; readonly how: string } | undefined

  constructor(folder: string, settings: () => Settings['journal'], log: Log) {
    this.folder = folder
    this.settings = settings
    this.log = log
  }

  /** @throws CountersignError `journal-write`, `file-permissions` */
  async sink(): Promise<EvidenceSink> {
    const settings = this.settings()
    const how = JSON.stringify(settings)
    if (this.open?.how !== how) {
      // Another way of keeping begins another file. Sessions that write the old one end it with themselves.
      const opening = this.begin(settings)
      this.open = { journal: opening, how }
      opening.catch(() => {
        // Not remembered: the disk may have room again.
        this.open = undefined
      })
    }
    return await this.open.journal
  }

  private async begin({ contexts, durability, segments, keep }: Settings['journal']): Promise<Journal> {
    const { folder, log } = this
    const [{ Journal }, { keptContexts }] = await Promise.all([
      import('../../evidence/journal/journal.ts'),
      import('../../evidence/journal/keptContexts.ts'),
    ])
    const kept = await keptContexts(contexts, folder)
    return await Journal.open({ folder, durability, contexts: kept, ...journalLimits(segments, keep), log })
  }

  async close(): Promise<void> {
    const { open } = this
    this.open = undefined
    await open?.journal.then((journal) => journal.close()).catch(() => {})
  }
}
