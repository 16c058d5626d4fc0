import { asBool, asBytes, asList, asText, type CborValue } from '../../contracts/cbor.ts'
import { ALERT, SessionError } from '../alerts.ts'

/** `[name, critical, data]`. Who does not know a critical extension must refuse the handshake (alert 43). */
export interface Extension {
  readonly name: string
  readonly critical: boolean
  readonly data: Uint8Array
}

const MAX_EXTENSIONS = 16
const MAX_EXTENSION_NAME = 64
export const MAX_EXTENSION_DATA = 4096

/** Name of the extension about the legs from a gateway to its servers: an offer in M1, in EE a yes. */
export const LEGS = 'legs'
/** Name of the extension about key transitions: an offer in M1, in EE its answer, which may hold a document. */
export const TRANSITION = 'transition'

export function encodeExtensions(extensions: readonly Extension[]): CborValue {
  return extensions.map(({ name, critical, data }) => [name, critical, data])
}

/**
 * @param longer what may be longer than 4096 bytes here, by name
 * @throws CountersignError `decode`, also for a name that comes twice
 */
export function parseExtensions(
  value: CborValue | undefined,
  longer: Readonly<Record<string, number>> = {},
): Extension[] {
  const names = new Set<string>()
  return asList(value, 'The extensions', { max: MAX_EXTENSIONS }).map((item) => {
    const [name, critical, data] = asList(item, 'An extension', 3)
    const known = asText(name, 'An extension name', MAX_EXTENSION_NAME)
    const max = Object.hasOwn(longer, known) ? (longer[known] ?? 0) : MAX_EXTENSION_DATA
    const extension = {
      name: known,
      critical: asBool(critical, 'An extension'),
      data: asBytes(data, 'An extension', { max }),
    }
    if (names.has(extension.name)) throw new SessionError(ALERT.decode, 'An extension comes twice.')
    names.add(extension.name)
    return extension
  })
}

/**
 * Whether an extension is there that says nothing but its name.
 * @throws SessionError alert 21 where it is critical or says more: M1 travels in the clear
 */
export function isMentioned(extensions: readonly Extension[], name: string): boolean {
  const found = extensions.find((extension) => extension.name === name)
  if (found !== undefined && (found.critical || found.data.length > 0)) {
    throw new SessionError(ALERT.decode, 'An extension is critical, or says more than it may.')
  }
  return found !== undefined
}

/**
 * Checks an offer of extensions. Unknown ones are ignored unless they are critical.
 * @param known names that this version understands where the offer stands: "transition" and "legs" in M1, "resume" in CI
 * @throws SessionError alert 43
 */
export function checkOffered(extensions: readonly Extension[], known: readonly string[] = []): void {
  if (extensions.some(({ name, critical }) => critical && !known.includes(name))) {
    throw new SessionError(ALERT.unsupportedExtension, 'The other end insists on an extension that is not known here.')
  }
}

/**
 * Checks an answer: it may carry only what was offered, or a gateway could switch on what the client never asked for.
 * @throws SessionError alert 43
 */
export function checkAnswered(answered: readonly Extension[], offered: readonly Extension[]): void {
  if (answered.some(({ name }) => !offered.some((extension) => extension.name === name))) {
    throw new SessionError(ALERT.unsupportedExtension, 'The gateway answered an extension that was not offered.')
  }
}
