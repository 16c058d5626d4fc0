import { Buffer } from 'node:buffer'
import { setImmediate as endOfTurn } from 'node:timers/promises'
import type { OpenedKey } from '../../contracts/keyFacts.ts'
import type { SignInput } from '../../contracts/signInput.ts'
import { thumbprint } from '../../crypto/jwk.ts'
import { type SignatureAlgorithm, SIGNATURE_LENGTHS, verifySignature } from '../../crypto/signature.ts'
import { signingInput } from '../../evidence/signingInput.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import type { BatchTurn, Signer } from '../signer.ts'
import { badReply, cancelled, type Connection } from './connection.ts'
import { custodyOf } from './custody.ts'
import { lanesOf } from './profiles.ts'
import { Pause } from './pause.ts'
import type { KeyProcess } from './supervisor.ts'

export type OpenKey = (connection: Connection) => Promise<OpenedKey>

interface Source {
  readonly keyProcess: KeyProcess
  readonly first: OpenKey
  readonly open: OpenKey
  readonly log: Log
}

/** A signer whose key is in a key process. It outlives the process: after a restart the same key is opened again. */
export class ProcessSigner implements Signer {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
  readonly custody: Signer['custody']
  readonly description: string
  /** Why the custody is not `hsm`, for people. */
  readonly custodyReasons: readonly string[]
  /** Signatures that the token makes at once: what the user says of it, or what its profile does. 1 for a stranger. */
  readonly lanes: number
  private readonly source: Source
  private readonly label: string
  private readonly handles = new WeakMap<Connection, Promise<number>>()
  private readonly pause = new Pause()

  private constructor(source: Source, opened: OpenedKey, connection: Connection) {
    const { custody, reasons } = custodyOf(opened.facts)
    this.source = source
    this.kid = thumbprint(opened.algorithm, opened.publicKey)
    this.algorithm = opened.algorithm
    this.publicKey = opened.publicKey
    this.custody = custody
    this.custodyReasons = reasons
    this.lanes = lanesOf(source.keyProcess.holds, opened.facts.profile)
    this.label = opened.label
    this.description = `${opened.label} in ${opened.where}`
    this.handles.set(connection, Promise.resolve(opened.handle))
  }

  static async open(source: Source): Promise<ProcessSigner> {
    const connection = await source.keyProcess.connection()
    return new ProcessSigner(source, await source.first(connection), connection)
  }

  async sign(input: SignInput, signal?: AbortSignal, batch?: BatchTurn): Promise<Uint8Array> {
    try {
      await this.pause.over(signal)
      const connection = await this.source.keyProcess.connection(signal)
      const [signature, bytes] = await Promise.all([
        this.signIn(connection, input, signal, batch?.behind),
        // What the signature must be of, built while the process is at work.
        endOfTurn().then(() => batch?.expected() ?? signingInput(input, this).bytes),
      ])
      await this.check(connection, bytes, signature)
      this.source.keyProcess.worked()
      this.pause.end()
      return signature
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (AWAY.includes(error.code)) this.pause.extend()
      throw forSigner(error)
    }
  }

  private async signIn(
    connection: Connection,
    input: SignInput,
    signal: AbortSignal | undefined,
    behind: BatchTurn['behind'],
  ): Promise<Uint8Array> {
    const { keyProcess } = this.source
    // A person is to enter the PIN for a transition. What opens the key of a token may log in with a stored one, and a login
    // made here would pass for that; of a vault the secret asks nobody in any case.
    const byPerson = input.kind === 'transition' && keyProcess.holds.kind === 'module'
    if (byPerson && !this.handles.has(connection)) throw notOpen()
    for (let tries = 1; ; tries += 1) {
      const opened = this.handleIn(connection)
      // This also logs in again where the user chose to store the PIN. What fails here is the answer.
      const handle = await opened
      if (signal?.aborted === true) throw cancelled()
      try {
        const params = { handle, input, ...(behind === undefined ? {} : { behind: behind.root }) }
        const call = keyProcess.callOn(connection, 'sign', params, signal, behind?.ended)
        return (await call).signature
      } catch (thrown) {
        const { code } = toCountersignError(thrown)
        // A logout or a removed token closes keys while the process lives on: what was opened then means nothing now.
        if (CLOSED.includes(code)) this.forget(connection, opened)
        const again = (code === 'key-missing' || code === 'pin-needed') && input.kind !== 'transition'
        if (!again || tries === MOST_TRIES || !connection.alive) throw thrown
      }
    }
  }

  /** Only what this attempt used: another lane may have opened the key again meanwhile. */
  private forget(connection: Connection, opened: Promise<number>): void {
    if (this.handles.get(connection) === opened) this.handles.delete(connection)
  }

  /** A faulty or compromised token never gets a signature onto the wire that its public key does not verify. */
  private async check(connection: Connection, bytes: Uint8Array, signature: Uint8Array): Promise<void> {
    const length = SIGNATURE_LENGTHS[this.algorithm].signature
    if (signature.length === length && (await verifySignature(this.algorithm, this.publicKey, bytes, signature))) return
    const error = badReply(said('returned a signature that does not verify'))
    connection.kill(error)
    throw error
  }

  private handleIn(connection: Connection): Promise<number> {
    const known = this.handles.get(connection)
    if (known !== undefined) return known
    const opening = this.reopen(connection)
    this.handles.set(connection, opening)
    // A failure is not remembered: the user may unlock the token, and the next signature tries again.
    opening.catch(() => this.forget(connection, opening))
    return opening
  }

  private async reopen(connection: Connection): Promise<number> {
    const opened = await this.source.open(connection)
    if (opened.algorithm !== this.algorithm || Buffer.compare(opened.publicKey, this.publicKey) !== 0) {
      throw new CountersignError(
        'key-changed',
        said`"${this.label}" is another key than before. Nothing was signed. If it was replaced on purpose, enrol it anew.`,
      )
    }
    if (custodyOf(opened.facts).custody !== this.custody) {
      throw new CountersignError(
        'key-changed',
        said`The token now claims another custody for "${this.label}". Nothing was signed.`,
      )
    }
    this.source.log.log('info', 'key opened again', { key: this.label })
    return opened.handle
  }
}

/** Under load a signature can wait for its turn while a token ends its sessions, and again while the key is opened anew. */
const MOST_TRIES = 3
/** What was opened is open no more. */
const CLOSED: readonly string[] = ['key-missing', 'pin-needed', 'token-missing']
/** The token is not there, or not well: asking it again at once would not help, and can block a slow module for seconds. */
const AWAY: readonly string[] = ['token-missing', 'slot-missing', 'pkcs11']

function notOpen(): CountersignError {
  return new CountersignError('pin-needed', 'A change of keys needs the PIN anew: unlock again, then repeat it.')
}

/** What a caller of `sign` can do something about keeps its code; the rest is "the signer is not there". */
const NOT_THERE: readonly string[] = ['key-process-gone', 'key-process-reply', 'pkcs11', 'internal']

function forSigner(error: CountersignError): CountersignError {
  if (!NOT_THERE.includes(error.code)) return error
  return new CountersignError('signer-unavailable', error.sentence, { cause: error })
}
