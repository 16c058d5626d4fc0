import { writeFileSync } from 'node:fs'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import type { IdentityConfig } from '../../../src/contracts/identityConfig.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { openIdentity } from '../../../src/keys/hsm/openIdentity.ts'
import { silentLog } from '../../../src/support/log.ts'
import { initNssToken } from '../../integration/keys/nssToken.ts'
import { type Measured, ratio, type Setting, type Table } from '../measured.ts'
import { drive, driveFor, median, percentile } from '../stats.ts'
import { RawToken } from './rawToken.ts'
import { Statements } from './statements.ts'

const PIN = 'bench-pin-1234'
const LABEL = 'bench'
const IN_FLIGHT = 256
/** Signatures and milliseconds of one round. */
const ROUND = { raw: 100, alone: 60, ms: 1500 } as const

/** Statements signed a second by group commit, and what one waits, against the signatures that the token makes by itself. */
export async function measureSigning({ root, folder, rounds }: Setting): Promise<Measured> {
  const skipped: string[] = []
  const keyProcessPath = `${root}dist/keyProcess.js`
  const vault = { vault: `${folder}/vault.json`, keyFile: `${folder}/vault.key` }
  const [inVault] = await measure(vault, keyProcessPath, rounds)
  const tables = [table('vault', inVault, undefined)]
  const ratios: Record<string, Measured['ratios'][string]> = {}
  try {
    const token = await initNssToken(`${folder}/nss`, { pin: PIN })
    const pinFile = `${folder}/pin`
    writeFileSync(pinFile, PIN, { mode: 0o600 })
    const { module, libraryParameters, slot } = token
    const identity = { pkcs11: { module, libraryParameters, slot, label: LABEL, pinFile } }
    const open = () => new RawToken(root, token, PIN, LABEL)
    const [ours, raw] = await measure(identity, keyProcessPath, rounds, open)
    tables.push(table('NSS token', ours, raw))
    if (raw !== undefined) {
      const gain = ours.perSecond / raw.perSecond
      ratios[`NSS token: statements/s at ${IN_FLIGHT} in flight, over C_Sign/s`] = ratio(gain, '>=', 40)
      ratios['NSS token: one statement alone, over one C_Sign'] = ratio(ours.alone / raw.p50, '<=', 1.1)
    }
  } catch (error) {
    skipped.push(`signing with an NSS token: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { tables, ratios, skipped }
}

interface Ours {
  readonly perSecond: number
  /** p50 of one statement with nothing else in flight, milliseconds. */
  readonly alone: number
  readonly slowest: number
}

interface Raw {
  readonly perSecond: number
  readonly p50: number
}

async function measure(
  identity: IdentityConfig,
  keyProcessPath: string,
  rounds: number,
  openRaw?: () => RawToken,
): Promise<[Ours, Raw | undefined]> {
  const opened = await openIdentity(identity, { keyProcessPath, log: silentLog, create: 'ML-DSA-87' })
  const batches = new BatchSigner(opened.signer, { lanes: opened.signer.lanes })
  const statements = new Statements(batches)
  const input = signingInput({ kind: 'batch', statements: [statements.example()] }, opened.signer).bytes
  const raw = openRaw?.()
  try {
    await drive(IN_FLIGHT * 8, IN_FLIGHT, () => statements.sign())
    await raw?.sign(input, 20)
    const rates: { ours: number; raw: number }[] = []
    const times: { ours: number[]; raw: number[] } = { ours: [], raw: [] }
    for (let round = 0; round < rounds; round++) {
      const alone = (await raw?.sign(input, ROUND.raw)) ?? []
      const { perSecond } = await driveFor(ROUND.ms, IN_FLIGHT, () => statements.sign())
      rates.push({ ours: perSecond, raw: (1000 * alone.length) / alone.reduce((sum, one) => sum + one, 0) })
      // By turns, one and one: what disturbs this machine disturbs both.
      for (let turn = 0; turn < ROUND.alone; turn++) {
        times.raw.push(...((await raw?.sign(input, 1)) ?? []))
        times.ours.push(...(await drive(1, 1, () => statements.sign())).latencies)
      }
    }
    return [
      {
        perSecond: median(rates.map(({ ours }) => ours)),
        alone: median(times.ours),
        slowest: percentile(times.ours, 99),
      },
      raw && { perSecond: median(rates.map(({ raw }) => raw)), p50: median(times.raw) },
    ]
  } finally {
    raw?.close()
    batches.dispose()
    opened.dispose()
  }
}

function table(key: string, ours: Ours, raw: Raw | undefined): Table {
  return {
    title: `signing, ${key}`,
    columns: ['per second', 'p50 ms', 'p99 ms'],
    rows: [
      ...(raw === undefined
        ? []
        : [{ name: 'C_Sign, one after the other', values: [raw.perSecond, raw.p50, undefined] }]),
      { name: `statements, ${IN_FLIGHT} in flight`, values: [ours.perSecond, undefined, undefined] },
      { name: 'one statement alone', values: [undefined, ours.alone, ours.slowest] },
    ],
  }
}
