import { window } from 'vscode'
import { decodeUtf8, encodeUtf8 } from '../../../../crypto/encoding.ts'
import { fingerprintWords } from '../../../../crypto/fingerprint.ts'
import { isSignatureAlgorithm } from '../../../../crypto/signature.ts'
import { DEFAULT_LABEL } from '../../../../keys/signer.ts'
import { CountersignError } from '../../../../support/errors.ts'
import { said, t } from '../../../../support/l10n.ts'
import { type KeyLife, lifeState } from '../../../../trust/keyRing.ts'
import type { Inventory } from '../../../identity/inventoryService.ts'
import {
  findKey,
  identityOf,
  isIdentity,
  keysAt,
  type PlacedKey,
  placesOf,
  placeText,
  settingValue,
} from '../../../identity/keyPlaces.ts'
import { withProgress } from '../../../progress.ts'
import { ownKeyOf } from '../../slotPorts.ts'
import type { KeyPorts } from '../keyPorts.ts'
import { chooseNext } from './chooseNext.ts'
import { deliver, told } from './deliver.ts'
import { questionAfter, rotationPlan } from './outcomes.ts'
import { signTransition } from './signTransition.ts'
import { notify } from '../../../notify.ts'

const HOUR = 3_600_000
/** How long the old key may still sign for gateways that did not take the new one. */
const RETIRING_MS = 30 * 24 * HOUR
/** After all gateways took it: time for the goodbyes of the old sessions. */
const FAREWELL_MS = HOUR / 6

/**
 * *Rotate Key…*: the key that signs hands the identity over to another one. One that was begun is continued: gateways are asked
 * again, and it can be taken back as long as none of them took the new key.
 */
export async function rotateKey(ports: KeyPorts, ref?: string): Promise<void> {
  const found = await withProgress(t('Looking at the modules'), () => ports.inventory.refresh())
  const old = currentKey(ports, found, ref)
  const own = ownKeyOf(old)
  const life = await ports.ring.find(own.kid)
  if (life?.transition !== undefined && lifeState(life, Date.now()) === 'retiring') {
    return await settle(ports, old, successorOf(life, found), encodeUtf8(life.transition))
  }
  const next = await chooseNext(ports, old)
  if (next === undefined || !(await confirmed(ports, old, next))) return
  const document = await signTransition(ports, old, next)
  if (document === undefined) return
  const following = ownKeyOf(next)
  await ports.ring.adopt(own)
  await ports.ring.plan(following)
  const transition = decodeUtf8(document)
  await ports.ring.beginRetiring(own.kid, { until: Date.now() + RETIRING_MS, successor: following.kid, transition })
  ports.log.log('info', 'a key transition was signed by both keys', { from: own.label, to: following.label })
  await settle(ports, old, next, document)
}

/** @throws CountersignError `usage` for another key than the identity, `key-missing` where that one cannot be seen */
function currentKey(ports: KeyPorts, found: Inventory, ref: string | undefined): PlacedKey {
  const { identity } = ports.configuration.usable
  const named = ref === undefined ? undefined : findKey(ref, found)
  if (named !== undefined) {
    if (isIdentity(named, identity, DEFAULT_LABEL)) return named
    const sentence = said`${named.key.label} does not sign now, so no gateway knows it. Rotate Key… is for the key that signs; Select HSM Slot… chooses another without a transition.`
    throw new CountersignError('usage', sentence)
  }
  const current = placesOf(found)
    .flatMap((place) => keysAt(place, found))
    .find((placed) => isIdentity(placed, identity, DEFAULT_LABEL) && isSignatureAlgorithm(placed.key.algorithm))
  if (current !== undefined) return current
  const sentence = said(
    'The key that signs cannot be seen now. Insert its token, or use the key once if it is in the vault.',
  )
  throw new CountersignError('key-missing', sentence)
}

/** @throws CountersignError `key-missing` */
function successorOf({ successor, label }: KeyLife, found: Inventory): PlacedKey {
  const next = placesOf(found)
    .flatMap((place) => keysAt(place, found))
    .find(({ key }) => key.kid === successor)
  if (next !== undefined) return next
  const sentence = said`The key that is to follow ${label} cannot be seen now. Insert its token, unlock it, and rotate again.`
  throw new CountersignError('key-missing', sentence)
}

async function confirmed({ gateways }: KeyPorts, old: PlacedKey, next: PlacedKey): Promise<boolean> {
  const names = told(gateways).map(({ setting }) => setting.name)
  const to = { ...named(next), place: placeText(next.place) }
  const detail = rotationPlan(named(old), to, names)
  const choice = await window.showWarningMessage(t('Rotate the key that signs?'), { modal: true, detail }, t('Rotate'))
  return choice !== undefined
}

function named({ key }: PlacedKey) {
  return { label: key.label, words: fingerprintWords(key) }
}

/** Tells the gateways until the person is content with what they say, then switches, or takes it back, or leaves it open. */
async function settle(ports: KeyPorts, old: PlacedKey, next: PlacedKey, document: Uint8Array): Promise<void> {
  for (;;) {
    const question = questionAfter(await deliver(ports.gateways, document), next.key.kid)
    if (question === undefined) return await switchTo(ports, old, next, FAREWELL_MS)
    const { message, detail, mayCancel } = question
    const [again, now, cancel] = [t('Ask Again'), t('Switch Now'), t('Cancel Rotation')]
    const choices = [again, now, ...(mayCancel ? [cancel] : [])].map((title) => ({ title }))
    // Without a name of its own the button that changes nothing would be called Cancel, beside Cancel Rotation.
    const later = { title: t('Decide Later'), isCloseAffordance: true }
    const choice = (await window.showWarningMessage(message, { modal: true, detail }, ...choices, later))?.title
    if (choice === again) continue
    if (choice === now) return await switchTo(ports, old, next, RETIRING_MS)
    if (choice === cancel) return await takeBack(ports, old, next)
    const waiting = t`${old.key.label} goes on signing. Rotate Key… asks the gateways again, and can switch or cancel.`
    void notify.info(waiting)
    return
  }
}

async function switchTo(ports: KeyPorts, old: PlacedKey, next: PlacedKey, remains: number): Promise<void> {
  const { ring, configuration, inventory } = ports
  const [from, to] = [ownKeyOf(old), ownKeyOf(next)]
  const life = await ring.find(from.kid)
  await ring.activate(to)
  if (life?.transition !== undefined) {
    // Sessions of the old key say goodbye with it; what it may sign after that is said by this time.
    const until = Math.min(life.retired ?? Number.MAX_SAFE_INTEGER, Date.now() + remains)
    await ring.beginRetiring(from.kid, { until, successor: to.kid, transition: life.transition })
  }
  await configuration.write('countersign.identity', settingValue(identityOf(next.place, to.label)))
  void inventory.refresh()
  const done = t`${to.label} in ${placeText(next.place)} signs the next context. ${from.label} is retiring; Retire Key… ends it at once.`
  void notify.info(done)
}

async function takeBack({ ring, inventory }: KeyPorts, old: PlacedKey, next: PlacedKey): Promise<void> {
  await ring.keep(ownKeyOf(old).kid)
  void inventory.refresh()
  const cancelled = t`The rotation was cancelled: ${old.key.label} stays. ${next.key.label} is in its token as before. An operator who was asked to confirm it should not.`
  void notify.info(cancelled)
}
