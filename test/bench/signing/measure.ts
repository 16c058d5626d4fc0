import { SeedSigner } from '../../fakes/seedSigner.ts'
import { initNssToken } from '../../integration/keys/nssToken.ts'
import { End, QUESTION } from '../../unit/evidence/build.ts'
import type { IdentityConfig } from '../../../src/contracts/identityConfig.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { openIdentity } from '../../../src/keys/hsm/openIdentity.ts'
import type { Signer } from '../../../src/keys/signer.ts'
import { silentLog } from '../../../src/support/log.ts'
import type { Measured, Setting } from '../measured.ts'
import { drive, percentile } from '../stats.ts'

const PIN = 'bench-pin-1234'
const IN_FLIGHT = 256

/** Contexts signed a second by group commit, against one signature after the other with the same key. */
export async function measureSigning({ folder }: Setting): Promise<Measured> {
  const figures: Record<string, number> = {}
  const ratios: Record<string, Measured['ratios'][string]> = {}
  for (const [name, identity] of Object.entries(await identities(folder))) {
    const options = { keyProcessPath: `${process.env['BENCH_ROOT']}dist/keyProcess.js`, log: silentLog }
    const opened = await openIdentity(identity, { ...options, create: 'ML-DSA-87' })
    const raw = await rawSignatures(opened.signer)
    const grouped = await groupCommit(opened.signer)
    opened.dispose()
    figures[`${name}: one signature, p50 ms`] = raw.p50
    figures[`${name}: signatures/s, one by one`] = raw.perSecond
    figures[`${name}: contexts signed/s, ${IN_FLIGHT} in flight`] = grouped.perSecond
    const value = grouped.perSecond / raw.perSecond
    ratios[`${name}: contexts/s over signatures/s`] = { value, goal: '>= 40', holds: value >= 40 }
  }
  return { tables: [], ratios, skipped: [] }
}

async function identities(folder: string): Promise<Record<string, IdentityConfig>> {
  const vault = { vault: `${folder}/vault.json`, keyFile: `${folder}/vault.key` }
  const token = await initNssToken(`${folder}/nss`, { pin: PIN }).catch((error: unknown) => {
    process.stderr.write(`no NSS token here, the vault alone is measured: ${String(error)}\n`)
  })
  if (token === undefined) return { vault }
  process.env['BENCH_PIN'] = PIN
  const { module, libraryParameters, slot } = token
  return { vault, nss: { pkcs11: { module, libraryParameters, slot, label: 'bench', pinEnv: 'BENCH_PIN' } } }
}

async function rawSignatures(signer: Signer): Promise<{ p50: number; perSecond: number }> {
  const input = { kind: 'batch' as const, statements: [(await chain(signer)).statement(QUESTION)] }
  for (let warm = 0; warm < 10; warm++) await signer.sign(input)
  const { latencies, perSecond } = await drive(200, 1, async () => void (await signer.sign(input)))
  return { p50: percentile(latencies, 50), perSecond }
}

/** As a session does it: sequence and chain are assigned when the batch closes. */
async function groupCommit(signer: Signer): Promise<{ perSecond: number }> {
  const batches = new BatchSigner(signer)
  const end = await chain(signer)
  const one = (): Promise<void> =>
    new Promise((resolve, reject) =>
      batches.enqueue({
        session: 'bench',
        server: 'bench',
        close: () => end.statement(QUESTION),
        rollback: () => reject(new Error('a batch was rolled back')),
        signed: () => resolve(),
        failed: reject,
      }),
    )
  await drive(IN_FLIGHT * 4, IN_FLIGHT, one)
  const { perSecond } = await drive(20_000, IN_FLIGHT, one)
  batches.dispose()
  return { perSecond }
}

/** Statements of one direction; only their bytes are used here, not the key of its own that an `End` has. */
async function chain({ kid }: Signer): Promise<End> {
  return new End('c2s', await SeedSigner.create(1), kid)
}
