import type { NssToken } from '../../integration/keys/nssToken.ts'
import { AskedChild } from '../askedChild.ts'

/** `C_SignInit` and `C_Sign` on a token, in a process that does nothing else. */
export class RawToken {
  private readonly child: AskedChild

  constructor(root: string, token: NssToken, pin: string, label: string) {
    const { module: file, libraryParameters, slot } = token
    const env = { ...process.env, BENCH_TOKEN: JSON.stringify({ file, libraryParameters, slot, pin, label }) }
    this.child = new AskedChild(`${root}test/bench/signing/rawToken.mjs`, { env })
  }

  /** Signs `input` so often, one after the other. Resolves with the milliseconds of each. */
  sign(input: Uint8Array, count: number): Promise<number[]> {
    return this.child.ask({ input: Buffer.from(input).toString('base64'), count })
  }

  close(): void {
    this.child.close()
  }
}
