import type { ContextRow } from '../../src/contracts/panelContext.ts'
import { about } from '../contexts/row.ts'
import { sentences } from '../strings.ts'
import { plain } from '../text/hostile.ts'

/** Only rejections are said aloud, each once; a list that moves all day must not talk all day. */
export class Announcer {
  private readonly said = new Set<string>()
  private readonly region: HTMLElement

  constructor(parent: HTMLElement) {
    this.region = document.createElement('div')
    this.region.className = 'hear'
    this.region.setAttribute('role', 'alert')
    this.region.setAttribute('aria-live', 'assertive')
    parent.append(this.region)
  }

  /** `silent`: rows of the past, from a list that was sent anew. */
  rows(rows: readonly ContextRow[], silent: boolean): void {
    for (const row of rows) {
      if (row.verdict !== 'rejected' || this.said.has(row.ref)) continue
      this.said.add(row.ref)
      if (!silent)
        this.region.textContent = sentences.announce(plain(about(row)), plain(row.server), plain(row.reason ?? ''))
    }
  }
}
