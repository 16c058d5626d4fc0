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

  /** What was just rejected; never what was rejected before somebody looked. */
  rows(rows: readonly ContextRow[]): void {
    for (const row of rows) {
      if (this.said.has(row.ref)) continue
      this.said.add(row.ref)
      this.region.textContent = sentences.announce(plain(about(row)), plain(row.server), plain(row.reason ?? ''))
    }
  }
}
