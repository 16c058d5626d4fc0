import { buildTransition, readTransition } from '../../../../evidence/transition.ts'
import type { ProcessSigner } from '../../../../keys/hsm/signer.ts'
import { openTokenSigner } from '../../../../keys/hsm/signer.ts'
import { CountersignError } from '../../../../support/errors.ts'
import { said, t } from '../../../../support/l10n.ts'
import { type Place, type PlacedKey, whereOf } from '../../../identity/keyPlaces.ts'
import { withProgress } from '../../../progress.ts'
import { type SlotPorts, tokenPlaceOf, unlock } from '../../slotPorts.ts'

/**
 * The document by which `from` hands over to `to`, signed by both. PINs are asked anew, whatever is unlocked: the key process
 * signs a transition right after a login only. Undefined: the person closed a PIN box, and nothing was signed.
 * @throws CountersignError of the logins and the signatures; `key-changed` where a label leads to another key by now
 */
export async function signTransition(
  ports: SlotPorts,
  from: PlacedKey,
  to: PlacedKey,
): Promise<Uint8Array | undefined> {
  const places = isSameToken(from.place, to.place) ? [from.place] : [from.place, to.place]
  for (const place of places) {
    if (place.kind === 'slot' && !(await unlock(ports, place, 'proof'))) return undefined
  }
  ports.identity.unlocked()
  return await withProgress(
    t('Signing the transition'),
    async () => {
      const [old, next] = [await signerOf(ports, from), await signerOf(ports, to)]
      const parts = { from: publicPart(old), to: publicPart(next), at: Date.now() }
      const input = { kind: 'transition', ...parts } as const
      const signatures = { from: await old.sign(input), to: await next.sign(input) }
      const document = buildTransition({ ...parts, signatures })
      // As every gateway will read it: a document that does not hold must not leave this machine.
      await readTransition(document)
      return document
    },
    'whole',
  )
}

async function signerOf(ports: SlotPorts, { place, key }: PlacedKey): Promise<ProcessSigner> {
  const signer =
    place.kind === 'vault'
      ? await ports.vault.open()
      : await openTokenSigner({
          keyProcess: ports.processes.module(place.module.setting),
          where: whereOf(place),
          label: key.label,
          storedPin: false,
          log: ports.log,
        })
  if (signer.kid !== key.kid) {
    const sentence = said`"${key.label}" is another key than the one that was listed. Nothing was signed; look at the modules again.`
    throw new CountersignError('key-changed', sentence)
  }
  return signer
}

function publicPart({ algorithm, publicKey }: ProcessSigner) {
  return { algorithm, publicKey }
}

function isSameToken(one: Place, other: Place): boolean {
  if (one.kind !== 'slot' || other.kind !== 'slot') return one.kind === other.kind
  return JSON.stringify(tokenPlaceOf(one)) === JSON.stringify(tokenPlaceOf(other))
}
