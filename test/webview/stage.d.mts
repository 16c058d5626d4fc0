import type { Page } from 'playwright-core'
import type { FakeHost } from './host.ts'

export type Theme = 'dark' | 'light' | 'hc' | 'hc-light'
export declare const THEMES: readonly Theme[]

interface Host {
  receive(message: unknown): Promise<void>
  dispose(): void
}

export interface OpenOptions<H extends Host = FakeHost> {
  theme?: Theme
  /** One that the panel was translated to. */
  language?: 'en' | 'de'
  /** Which of the two webviews. */
  of?: 'panel' | 'bundle'
  view?: 'sessions' | 'contexts' | 'hsm' | 'trial'
  /** CSS pixels of the window at 100 %. */
  width?: number
  height?: number
  /** 2: zoomed to 200 %. */
  scale?: number
  scene?: string
  count?: number
  saved?: object
  /** Another host than the one with invented rows. */
  host?: (post: (message: unknown) => void) => H
  /** false: do not wait until it is drawn. */
  settle?: boolean
}

export interface Opened<H extends Host = FakeHost> {
  readonly page: Page
  readonly host: H
  readonly close: () => Promise<void>
}

export interface Stage {
  /** Errors of the pages, with the view in which they happened. */
  readonly problems: string[]
  open<H extends Host = FakeHost>(options?: OpenOptions<H>): Promise<Opened<H>>
  close(): Promise<void>
}

export declare function openStage(): Promise<Stage>
