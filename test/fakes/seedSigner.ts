import type { Custody } from '../../src/contracts/custody.ts'
import type { SignInput } from '../../src/contracts/signInput.ts'
import { thumbprint } from '../../src/crypto/jwk.ts'
import { SeedSigner as SeedKey, type SignatureAlgorithm } from '../../src/crypto/signature.ts'
import { signingInput } from '../../src/evidence/signingInput.ts'
import { SigningOrder } from '../../src/keys/process/signingOrder.ts'
import type { BatchTurn, Signer } from '../../src/keys/signer.ts'

/** A Signer over a fixed seed: the real inputs, the real signatures, a key that is the same in every run. */
export class SeedSigner implements Signer {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  readonly custody: Custody = 'software'
  readonly description = 'a key from a fixed seed, for tests'
  /** Every input that was signed, in order. */
  readonly inputs: SignInput[] = []
  /** Runs before each signature: a test waits or throws here. */
  before: (input: SignInput, signal?: AbortSignal) => Promise<void> | void = () => {}
  /** As a key process has it. */
  readonly order = new SigningOrder()
  private readonly key: SeedKey

  private constructor(key: SeedKey) {
    this.key = key
    this.algorithm = key.algorithm
    this.publicKey = key.publicKey
    this.kid = thumbprint(key.algorithm, key.publicKey)
  }

  /** @param seed a number that names the key: 1, 2, … */
  static async create(seed = 1, algorithm: SignatureAlgorithm = 'ML-DSA-87'): Promise<SeedSigner> {
    return new SeedSigner(await SeedKey.create(algorithm, new Uint8Array(32).fill(seed)))
  }

  async sign(input: SignInput, signal?: AbortSignal, batch?: BatchTurn): Promise<Uint8Array> {
    const { bytes, root } = signingInput(input, this)
    const sign = async () => {
      this.inputs.push(input)
      await this.before(input, signal)
      return this.key.sign(bytes)
    }
    return root === undefined ? await sign() : await this.order.run(root, batch?.behind?.root, sign)
  }
}
