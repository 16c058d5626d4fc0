/** Each runs in the browser: for `page.evaluate`. */
export declare function overflowing(): string[]
export declare function numberPressable(): number
export declare function focusedNumber(): string
export declare function missed(seen: readonly string[]): string[]
export declare function focusedId(): string | undefined
export declare function activeRow(): string | null | undefined
export declare function topRow(): string | undefined
export declare function scrollRows(top: number): void
export declare function wearTheme(classes: string): Promise<void>
export declare function frames(): Promise<void>
export declare function traces(): {
  /** Elements of kinds that the panel never makes. */
  readonly markup: number
  /** Characters that change how others are read are in the text, or in what is read aloud. */
  readonly raw: boolean
  readonly titles: boolean
  readonly marked: readonly string[]
  readonly widest: number
  readonly lines: number
  /** What the policy refused. */
  readonly refused: readonly string[]
}
export declare function watchFirstRow(): void
export declare function firstRow(): number | undefined
export declare function scrollFrames(frames: number): Promise<number[]>
export declare function markRows(): void
export declare function rowOrder(): {
  readonly places: readonly number[]
  readonly fresh: number
  readonly waiting: number
  readonly left: number
}
