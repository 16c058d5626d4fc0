import { window } from 'vscode'
import { ML_DSA_SETS, type MlDsaSet } from '../../../contracts/keyFacts.ts'
import { thumbprint } from '../../../crypto/jwk.ts'
import { custodyOf } from '../../../keys/hsm/custody.ts'
import { DEFAULT_LABEL } from '../../../keys/signer.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import type { OwnKey } from '../../../trust/keyRing.ts'
import { identityOf, placeText, settingValue, whereOf } from '../../identity/keyPlaces.ts'
import { withProgress } from '../../progress.ts'
import { chooseSlot, type Slot } from '../choosePlace.ts'
import { pickOne } from '../pickOne.ts'
import { type SlotPorts, unlock } from '../slotPorts.ts'
import { idProblem, keyIdBytes, labelProblem } from './keyNames.ts'
import { notify } from '../../notify.ts'

/** *Create Identity Key…*: in the slot that the panel names, or in one that is chosen. */
export async function createIdentityKey(ports: SlotPorts, ref?: string): Promise<void> {
  const place = await chooseSlot(ports, ref, {
    title: t('Create Identity Key'),
    placeHolder: t('Choose the token that is to hold the key'),
    fits: ({ slot }) => slot.token?.canCreate === true,
    none: said(
      'No token was found in which an ML-DSA key can be made. Add its module with Add a PKCS#11 Module…; the embedded vault makes its own key.',
    ),
  })
  if (place === undefined) return
  const made = await createKeyIn(ports, place)
  if (made === undefined) return
  void ports.inventory.refresh()
  const sentence = t`${made.label} was made in ${placeText(place)}.`
  if (made.key === undefined) {
    void notify.info(t`${sentence} It fits no suite, so it signs no context.`)
    return
  }
  void notify.info(sentence, t('Sign with It')).then(async (choice) => {
    if (choice === undefined) return
    await ports.configuration.write('countersign.identity', settingValue(identityOf(place, made.label)))
  })
}

export interface MadeKey {
  readonly label: string
  /** Undefined: one of ML-DSA-44, which cannot be an identity. */
  readonly key: OwnKey | undefined
}

/** The key that was made, planned and not in force; undefined: the person changed their mind. */
export async function createKeyIn(ports: SlotPorts, place: Slot): Promise<MadeKey | undefined> {
  const title = t`Create Identity Key in ${placeText(place)}`
  const taken = new Set(place.slot.token?.keys.map(({ label }) => label))
  const label = await window.showInputBox({
    title,
    prompt: t('Label of the key in the token'),
    value: taken.has(DEFAULT_LABEL) ? nextLabel(taken) : DEFAULT_LABEL,
    ignoreFocusOut: true,
    validateInput: (value) => labelProblem(value, taken),
  })
  if (label === undefined) return undefined
  const algorithm = await chooseAlgorithm(title, place)
  if (algorithm === undefined) return undefined
  const id = await window.showInputBox({
    title,
    prompt: t('CKA_ID of the key in hexadecimal. Empty: 16 random bytes.'),
    ignoreFocusOut: true,
    validateInput: idProblem,
  })
  if (id === undefined) return undefined
  return await make(ports, place, { label, algorithm, id: keyIdBytes(id) })
}

interface Wanted {
  readonly label: string
  readonly algorithm: MlDsaSet
  readonly id: Uint8Array | undefined
}

async function make(ports: SlotPorts, place: Slot, wanted: Wanted): Promise<MadeKey | undefined> {
  const { label, algorithm, id } = wanted
  const keyProcess = ports.processes.module(place.module.setting)
  const params = { where: whereOf(place), label, algorithm, ...(id === undefined ? {} : { id }) }
  // Whole: a key that is made after all would be one that nobody knows of.
  const generate = () => withProgress(t`Making ${label}`, () => keyProcess.call('generate', params), 'whole')
  let made: Awaited<ReturnType<typeof generate>>
  try {
    made = await generate()
  } catch (thrown) {
    if (toCountersignError(thrown).code !== 'pin-needed') throw thrown
    if (!(await unlock(ports, place))) return undefined
    made = await generate()
  }
  ports.log.log('info', 'a key was made', { key: label, algorithm, place: placeText(place) })
  if (made.handle === null) return { label, key: undefined }
  const kid = thumbprint(made.algorithm, made.publicKey)
  const where = JSON.stringify(settingValue(identityOf(place, label)))
  const { custody } = custodyOf(made.facts)
  const key = { kid, algorithm: made.algorithm, publicKey: made.publicKey, label, custody, place: where }
  await ports.ring.plan(key)
  return { label, key }
}

const DETAILS: Record<MlDsaSet, string> = {
  'ML-DSA-87': t('NIST category 5, fits every suite'),
  'ML-DSA-65': t('NIST category 3, fits only the suite with ML-DSA-65'),
  'ML-DSA-44': t('NIST category 2, fits no suite: it can be made, copied and destroyed, and signs no context'),
}

async function chooseAlgorithm(title: string, { slot }: Slot): Promise<MlDsaSet | undefined> {
  const known = ML_DSA_SETS.filter((algorithm) => slot.token?.can.includes(algorithm))
  const picked = await pickOne(
    known.map((algorithm) => ({ label: algorithm, detail: DETAILS[algorithm], algorithm })),
    { title, placeHolder: t('Choose the algorithm') },
  )
  return picked?.algorithm
}

function nextLabel(taken: ReadonlySet<string>): string {
  let at = 2
  while (taken.has(`${DEFAULT_LABEL}-${at}`)) at++
  return `${DEFAULT_LABEL}-${at}`
}
