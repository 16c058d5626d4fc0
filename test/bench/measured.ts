/** What one part of the bench found out. */
export interface Measured {
  readonly tables: readonly Table[]
  /** Ratios of two figures of the same run, and figures that have a goal: only those say something beyond this machine. */
  readonly ratios: Readonly<Record<string, Ratio>>
  /** What could not be measured here, and why. */
  readonly skipped: readonly string[]
}

/** A row and a column make a figure. `undefined` where a figure makes no sense, or could not be had. */
export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[]
}

export interface Ratio {
  readonly value: number
  /** `<= 0.9` */
  readonly goal: string
  readonly holds: boolean
}

export function ratio(value: number, sign: '<=' | '>=' | '<' | '>', limit: number): Ratio {
  const holds = { '<=': value <= limit, '>=': value >= limit, '<': value < limit, '>': value > limit }[sign]
  return { value, goal: `${sign} ${limit}`, holds }
}

/** How a part is run. */
export interface Setting {
  /** The repository, with a separator at its end. */
  readonly root: string
  /** An empty folder of this part's own. */
  readonly folder: string
  /** How often everything that is compared is measured, in turns: A B C A B C. */
  readonly rounds: number
}
