import { fileURLToPath } from 'node:url'
import { nss, nssLibraryParameters } from '../../setup/nss.mjs'
import { run } from '../../setup/run.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Run in a process of its own: a PKCS#11 module in the test process would share its state with the test. */
const INIT = `
const { PKCS11 } = require('pkcs11js')
const [file, libraryParameters, pin] = JSON.parse(process.env.INIT)
const module = new PKCS11()
module.load(file)
module.C_Initialize({ flags: 2, libraryParameters })
const slot = module.C_GetSlotList(true)[1]
if (!module.C_GetMechanismList(slot).includes(0x1d)) throw new Error('this NSS has no ML-DSA')
const session = module.C_OpenSession(slot, 6)
module.C_Login(session, 0, '')
module.C_InitPIN(session, pin)
module.C_Logout(session)
console.log(JSON.stringify({ slot: Number(slot.readBigUInt64LE()), tokenLabel: module.C_GetTokenInfo(slot).label.trimEnd() }))
`

/** Two key pairs of one label; the public half of the second says that it belongs to the first. Other tools leave such things. */
const TWINS = `
const { PKCS11 } = require('pkcs11js')
const [file, libraryParameters, pin, slotId, label] = JSON.parse(process.env.INIT)
const module = new PKCS11()
module.load(file)
module.C_Initialize({ flags: 2, libraryParameters })
const slot = module.C_GetSlotList(true).find((one) => Number(one.readBigUInt64LE()) === slotId)
const session = module.C_OpenSession(slot, 6)
module.C_Login(session, 1, pin)
const made = [1, 2].map((number) => {
  const common = [{ type: 0x1, value: true }, { type: 0x3, value: label }, { type: 0x102, value: Buffer.of(number, 7) }]
  const publicTemplate = [...common, { type: 0x61d, value: 2 }, { type: 0x10a, value: true }]
  const privateTemplate = [...common, { type: 0x2, value: true }, { type: 0x103, value: true }, { type: 0x108, value: true }]
  return module.C_GenerateKeyPair(session, { mechanism: 0x1c }, publicTemplate, privateTemplate)
})
module.C_SetAttributeValue(session, made[1].publicKey, [{ type: 0x102, value: Buffer.of(1, 7) }])
`

export interface NssToken {
  readonly module: string
  readonly libraryParameters: string
  /** CK_SLOT_ID of the user token. */
  readonly slot: number
  readonly tokenLabel: string
}

/** A fresh NSS softoken in `folder` with this user PIN: a real PKCS#11 token with ML-DSA. */
export async function initNssToken(folder: string, { pin }: { pin: string }): Promise<NssToken> {
  const { module } = await nss()
  const libraryParameters = nssLibraryParameters(folder)
  const env = { ...process.env, INIT: JSON.stringify([module, libraryParameters, pin]) }
  const out = await run(process.execPath, ['-e', INIT], { cwd: ROOT, env })
  const made: Pick<NssToken, 'slot' | 'tokenLabel'> = JSON.parse(out)
  return { module, libraryParameters, ...made }
}

export async function makeTwins(token: NssToken, pin: string, label: string): Promise<void> {
  const { module, libraryParameters, slot } = token
  const env = { ...process.env, INIT: JSON.stringify([module, libraryParameters, pin, slot, label]) }
  await run(process.execPath, ['-e', TWINS], { cwd: ROOT, env })
}

/** Why there can be no NSS token here, or undefined. Tests skip with this reason. */
export async function whyNoNss(): Promise<string | undefined> {
  try {
    await nss()
    return undefined
  } catch (thrown) {
    return thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown)
  }
}
