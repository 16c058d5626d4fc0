import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { NssToken } from '../../integration/keys/nssToken.ts'

/** `C_SignInit` and `C_Sign` on a token, in a process that does nothing else. */
export class RawToken {
  private readonly child: ChildProcess

  private constructor(child: ChildProcess) {
    this.child = child
  }

  static async open(root: string, token: NssToken, pin: string, label: string): Promise<RawToken> {
    const { module: file, libraryParameters, slot } = token
    const env = { ...process.env, BENCH_TOKEN: JSON.stringify({ file, libraryParameters, slot, pin, label }) }
    const raw = new RawToken(fork(`${root}test/bench/signing/rawToken.mjs`, { env }))
    await raw.answer()
    return raw
  }

  /** Signs `input` so often, one after the other. Resolves with the milliseconds of each. */
  async sign(input: Uint8Array, count: number): Promise<number[]> {
    const answered = this.answer()
    this.child.send({ input: Buffer.from(input).toString('base64'), count })
    return (await answered) as number[]
  }

  close(): void {
    this.child.disconnect()
  }

  private async answer(): Promise<unknown> {
    const ending = new AbortController()
    const { signal } = ending
    const gone = once(this.child, 'exit', { signal }).then(([code]) => {
      throw new Error(`the process with the raw token ended with ${String(code)}`)
    })
    gone.catch(() => {})
    try {
      const [answer] = await Promise.race([once(this.child, 'message', { signal }), gone])
      return answer
    } finally {
      ending.abort()
    }
  }
}
