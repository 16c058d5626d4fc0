/** One line a check: `ok`, `skipped (why)` or `FAILED`. */
export class Report {
  failed = 0

  async check(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
      process.stdout.write(`ok ${name}\n`)
    } catch (thrown) {
      this.failed += 1
      const why = thrown instanceof Error ? thrown.message : String(thrown)
      process.stdout.write(`FAILED ${name}\n  ${why.split('\n').slice(0, 20).join('\n  ')}\n`)
    }
  }

  /** Only for what could not be installed: what is here and does not work has failed. */
  skip(name: string, why: string): void {
    process.stdout.write(`skipped (${why}) ${name}\n`)
  }
}

export function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}
