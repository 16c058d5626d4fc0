import type { Opened, OpenOptions } from './stage.mjs'

export interface Scene extends OpenOptions {
  readonly name: string
  /** What a person does there. */
  readonly act?: (opened: Opened) => Promise<unknown>
}
export declare const SCENES: readonly Scene[]
