import { createHash } from 'node:crypto'
import { isSignatureAlgorithm, type SignatureAlgorithm } from '../../src/crypto/signature.ts'
import { hex, readJson, toHex } from './folder.ts'
import type { Operations } from './operations.ts'
import { type Count, equal, holds, refused, type VectorSuite } from './suites.ts'

const ZERO_RND = new Uint8Array(32)

interface AcvpGroup {
  readonly tgId: number
  readonly parameterSet: string
  readonly signatureInterface?: 'external' | 'internal'
  readonly preHash?: string
  readonly tests: readonly AcvpCase[]
}

interface AcvpCase {
  readonly tcId: number
  readonly seed: string
  readonly pk: string
  readonly sk: string
  readonly message: string
  readonly signature: string
  readonly context?: string
  readonly rnd?: string
  readonly testPassed: boolean
}

interface Acvp {
  readonly testGroups: readonly AcvpGroup[]
}

/** The applicable cases: our parameter sets, pure, external interface, empty context. All others are counted. */
function* applicable(groups: readonly AcvpGroup[], count: Count): Generator<[SignatureAlgorithm, AcvpCase]> {
  for (const group of groups) {
    const pure =
      group.signatureInterface === undefined || (group.signatureInterface === 'external' && group.preHash === 'pure')
    for (const test of group.tests) {
      if (isSignatureAlgorithm(group.parameterSet) && pure && (test.context ?? '') === '') {
        count.ran++
        yield [group.parameterSet, test]
      } else count.notApplicable++
    }
  }
}

const acvpKeyGen: VectorSuite = {
  name: 'ACVP ML-DSA keyGen',
  async run(operations, count) {
    const { testGroups } = readJson<Acvp>('acvp/ML-DSA-keyGen-FIPS204.internalProjection.json')
    for (const [algorithm, { tcId, seed, pk, sk }] of applicable(testGroups, count)) {
      const key = await (await operations.backend.signature(algorithm)).keyFromSeed(hex(seed))
      equal(key.publicKey, hex(pk), `case ${tcId}`)
      const expanded = await operations.expandSeed?.(algorithm, hex(seed))
      if (expanded !== undefined) equal(expanded, hex(sk), `case ${tcId}, expanded key`)
    }
  },
}

const acvpSigGen: VectorSuite = {
  name: 'ACVP ML-DSA sigGen, deterministic and hedged',
  async run({ signExpanded }, count) {
    const { testGroups } = readJson<Acvp>('acvp/ML-DSA-sigGen-FIPS204.prompt.json')
    const expected = new Map<number, string>()
    const answers = readJson<Acvp>('acvp/ML-DSA-sigGen-FIPS204.expectedResults.json')
    for (const group of answers.testGroups) for (const test of group.tests) expected.set(test.tcId, test.signature)
    for (const [algorithm, { tcId, sk, message, rnd }] of applicable(testGroups, count)) {
      if (signExpanded === undefined) continue
      const signature = await signExpanded(algorithm, hex(sk), hex(message), rnd === undefined ? ZERO_RND : hex(rnd))
      equal(signature, hex(expected.get(tcId) ?? ''), `case ${tcId}`)
    }
    if (signExpanded === undefined) withdraw(count)
  },
}

const acvpSigVer: VectorSuite = {
  name: 'ACVP ML-DSA sigVer',
  async run({ backend }, count) {
    const { testGroups } = readJson<Acvp>('acvp/ML-DSA-sigVer-FIPS204.internalProjection.json')
    for (const [algorithm, { tcId, pk, message, signature, testPassed }] of applicable(testGroups, count)) {
      const scheme = await backend.signature(algorithm)
      holds(scheme.verify(hex(pk), hex(message), hex(signature)) === testPassed, `case ${tcId}`)
    }
  },
}

/** A suite that the backend cannot run at all: nothing of it was run. */
function withdraw(count: Count): void {
  count.notApplicable += count.ran
  count.ran = 0
}

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: string
    readonly privateSeed: string
    readonly privateKey: string
    readonly tests: readonly {
      readonly tcId: number
      readonly msg?: string
      readonly ctx?: string
      readonly sig: string
      readonly rnd?: string
      readonly result: 'valid' | 'invalid'
      readonly comment: string
    }[]
  }[]
}

function* wycheproofCases(file: string, count: Count) {
  for (const { tests, ...group } of readJson<Wycheproof>(file).testGroups) {
    for (const test of tests) {
      if ((test.ctx ?? '') !== '' || test.msg === undefined) count.notApplicable++
      else {
        count.ran++
        yield { ...group, ...test, msg: hex(test.msg), valid: test.result === 'valid' }
      }
    }
  }
}

function wycheproofVerify(algorithm: SignatureAlgorithm): VectorSuite {
  return {
    name: `Wycheproof ${algorithm} verify`,
    async run({ backend }, count) {
      const scheme = await backend.signature(algorithm)
      const file = `wycheproof/mldsa_${algorithm.slice(-2)}_verify_test.json`
      for (const { tcId, publicKey, msg, sig, valid } of wycheproofCases(file, count)) {
        let verified = false
        // A public key of a wrong length is refused with an error instead.
        const wrongKey = await refused(() => {
          verified = scheme.verify(hex(publicKey), msg, hex(sig))
        })
        holds(verified === valid && !(wrongKey && valid), `case ${tcId}`)
      }
    },
  }
}

function wycheproofSignSeed(algorithm: SignatureAlgorithm): VectorSuite {
  return {
    name: `Wycheproof ${algorithm} sign from seed`,
    async run(operations, count) {
      const scheme = await operations.backend.signature(algorithm)
      const file = `wycheproof/mldsa_${algorithm.slice(-2)}_sign_seed_test.json`
      for (const { tcId, privateSeed, publicKey, msg, sig, rnd, valid } of wycheproofCases(file, count)) {
        const seed = hex(privateSeed)
        if (!valid) {
          holds(await refused(() => scheme.keyFromSeed(seed)), `case ${tcId}`)
          continue
        }
        const key = await scheme.keyFromSeed(seed)
        equal(key.publicKey, hex(publicKey), `case ${tcId}`)
        // The product's way, hedged: it can only be verified. Then the vector's signature, where rnd can be given.
        holds(scheme.verify(key.publicKey, msg, key.sign(msg)), `case ${tcId}`)
        holds(scheme.verify(key.publicKey, msg, hex(sig)), `case ${tcId}, the signature of the vector`)
        const expanded = await operations.expandSeed?.(algorithm, seed)
        if (expanded === undefined || operations.signExpanded === undefined) continue
        const signature = await operations.signExpanded(
          algorithm,
          expanded,
          msg,
          rnd === undefined ? ZERO_RND : hex(rnd),
        )
        equal(signature, hex(sig), `case ${tcId}`)
      }
    },
  }
}

/** CCTV: seeds from SHAKE128(""), hashed public keys and deterministic signatures of nothing. */
const ACCUMULATED = '8c3ad714777622b8f21ce31bb35f71394f23bc0fcf3c78ace5d608990f3b061b'

const accumulated: VectorSuite = {
  name: 'CCTV ML-DSA-87 accumulated, 100 keys and signatures',
  async run({ backend, signExpanded, expandSeed }: Operations, count) {
    const scheme = await backend.signature('ML-DSA-87')
    const seeds = createHash('shake128', { outputLength: 3200 }).digest()
    const seen = createHash('shake128', { outputLength: 32 })
    for (let index = 0; index < 100; index++) {
      count.ran++
      if (signExpanded === undefined || expandSeed === undefined) continue
      const seed = new Uint8Array(seeds.subarray(index * 32, index * 32 + 32))
      seen.update((await scheme.keyFromSeed(seed)).publicKey)
      seen.update(await signExpanded('ML-DSA-87', await expandSeed('ML-DSA-87', seed), new Uint8Array(0), ZERO_RND))
    }
    if (signExpanded === undefined) withdraw(count)
    else holds(toHex(seen.digest()) === ACCUMULATED, 'accumulated hash')
  },
}

export const SIGNATURE_SUITES: readonly VectorSuite[] = [
  acvpKeyGen,
  acvpSigGen,
  acvpSigVer,
  wycheproofVerify('ML-DSA-65'),
  wycheproofVerify('ML-DSA-87'),
  wycheproofSignSeed('ML-DSA-65'),
  wycheproofSignSeed('ML-DSA-87'),
  accumulated,
]
