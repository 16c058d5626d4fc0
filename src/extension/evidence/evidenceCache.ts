import type { Recorded } from './recorded.ts'

/** Statement, proof and JWS beside the context itself. */
const OVERHEAD = 8 * 1024

/** The newest evidence, by the number of its context, bounded in number and bytes. */
export class EvidenceCache {
  private readonly most: number
  private readonly mostBytes: number
  private readonly kept = new Map<number, Recorded>()
  private bytes = 0

  constructor(most: number, mostBytes: number) {
    this.most = most
    this.mostBytes = mostBytes
  }

  get(number: number): Recorded | undefined {
    return this.kept.get(number)
  }

  put(number: number, recorded: Recorded): void {
    this.drop(number)
    this.kept.set(number, recorded)
    this.bytes += weight(recorded)
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= this.most && this.bytes <= this.mostBytes) return
      this.drop(oldest)
    }
  }

  drop(number: number): void {
    const recorded = this.kept.get(number)
    if (recorded === undefined) return
    this.kept.delete(number)
    this.bytes -= weight(recorded)
  }
}

function weight({ entry }: Recorded): number {
  return OVERHEAD + (entry.context?.length ?? 0)
}
