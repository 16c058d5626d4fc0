// @ts-check
// A process of its own with a PKCS#11 module and nothing else: what the token can do, without our key process in front of it.
import { PKCS11 } from 'pkcs11js'

const CKU_USER = 1
const CKF_SERIAL_SESSION = 4
const CKM_ML_DSA = 0x1d
const CKA = { class: 0x0, label: 0x3 }
const CKO_PRIVATE_KEY = 3
/** Long enough for ML-DSA-87. */
const SIGNATURE_BYTES = 4627

const { file, libraryParameters, slot: id, pin, label } = JSON.parse(process.env['BENCH_TOKEN'] ?? '{}')
const module = new PKCS11()
module.load(file)
module.C_Initialize({ flags: 2, libraryParameters })
const slot = module.C_GetSlotList(true).find((one) => Number(one.readBigUInt64LE()) === id)
if (slot === undefined) throw new Error(`the module has no slot ${id}`)
const session = module.C_OpenSession(slot, CKF_SERIAL_SESSION)
module.C_Login(session, CKU_USER, pin)
module.C_FindObjectsInit(session, [
  { type: CKA.class, value: CKO_PRIVATE_KEY },
  { type: CKA.label, value: label },
])
const [key] = module.C_FindObjects(session, 1)
module.C_FindObjectsFinal(session)
if (key === undefined) throw new Error(`the token has no private key ${label}`)

const out = Buffer.alloc(SIGNATURE_BYTES)

/** Signs so often, one after the other. Answers with the milliseconds of each. */
process.on('message', (/** @type {{ input: string, count: number }} */ { input, count }) => {
  const message = Buffer.from(input, 'base64')
  const times = []
  for (let done = 0; done < count; done++) {
    const started = performance.now()
    module.C_SignInit(session, { mechanism: CKM_ML_DSA }, key)
    module.C_Sign(session, message, out)
    times.push(performance.now() - started)
  }
  process.send?.({ value: times })
})
process.on('disconnect', () => process.exit(0))
