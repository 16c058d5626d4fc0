import { setTimeout as sleep } from 'node:timers/promises'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import type { Journal } from '../../evidence/journal/journal.ts'
import { CountersignError, toCountersignError, unreachable } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { ArchiveAttack, Attack, GatewayAttack, HandshakeAttack, SessionAttack } from './attack.ts'
import { WORD } from './attacks/keys.ts'
import { changeOf } from './change.ts'
import type { Refusal } from './gateway.ts'
import { openImpostor } from './impostor.ts'
import { findingsOf, type JournalFile, rewritten } from './journalFile.ts'
import type { Stand } from './stand.ts'
import type { Talk } from './talk.ts'
import { Tap } from './tap.ts'
import { type Outcome, verdictOn, verdictOnFile } from './verdict.ts'

/** What the controls leave behind for the attacks. */
export interface Honest {
  readonly earlier: Tap
  readonly file: JournalFile
}

/** So long something may take that must come, in ms; on a machine that is slow it takes longer, and is then no refusal. */
const PATIENCE = 30_000
const LOG_PATIENCE = 5_000

/** Carries out attacks, each in a session of its own, and says what became of them. */
export class Attempts {
  private readonly stand: Stand
  private readonly journal: Journal
  private readonly signal: AbortSignal

  constructor(stand: Stand, journal: Journal, signal: AbortSignal) {
    this.stand = stand
    this.journal = journal
    this.signal = signal
  }

  async attack(attack: Attack, honest: Honest): Promise<Outcome> {
    switch (attack.on) {
      case 'session':
        return await this.onSession(attack, honest)
      case 'handshake':
        return await this.onHandshake(attack, honest)
      case 'gateway':
        return await this.asGateway(attack)
      case 'archive':
        return await this.onArchive(attack, honest)
      default:
        return unreachable(attack)
    }
  }

  /** A session that nobody attacks: two calls, which must be answered. */
  async control(tap: Tap, journal: Journal = this.journal): Promise<Outcome> {
    const { gateway } = this.stand
    const before = await gateway.serverBytes()
    return await this.talking(tap, gateway.url, journal, async (talk) => {
      await talk.initialize()
      for (const message of ['control', 'control again']) await talk.call(`${message}: ${WORD}`)
      const bytes = (await gateway.serverBytes()) - before
      const answered = talk.received > 0
      const reached = { whom: 'server', bytes } as const
      if (bytes === 0 || !answered)
        return { state: 'failed', reached, sentence: t('The server or the agent got nothing.') }
      const sentence = t`The server was given ${bytes} bytes and answered; the agent was given ${talk.received} bytes.`
      return { state: 'passed', reached, sentence }
    })
  }

  private async onSession(attack: SessionAttack, { earlier }: Honest): Promise<Outcome> {
    const { gateway, own, strange } = this.stand
    const tap = new Tap()
    return await this.talking(tap, gateway.url, this.journal, async (talk) => {
      await talk.initialize()
      tap.hooks = attack.arm({ tap, earlier, own: own.signer, strange: strange.signer })
      const { calls = 1 } = attack
      tap.gather = calls
      const refusals = gateway.refusals().length
      const reachedBefore = await this.reached(attack.reaches, talk)
      const made = Array.from({ length: calls }, (_, at) => talk.call(`${attack.id} ${at}: ${WORD}`))
      if (attack.goodbye === true) {
        await this.patiently(tap.changed())
        void talk.session.close()
      }
      const otherwise = await this.ended(talk, made)
      const bytes = (await this.reached(attack.reaches, talk)) - reachedBefore
      const there = tap.alert === undefined ? undefined : await this.logged(refusals)
      const reached = { whom: attack.reaches, bytes }
      return verdictOn({ tap, here: talk.rejection()?.error, there, reached, otherwise })
    })
  }

  private async onHandshake(attack: HandshakeAttack, { earlier }: Honest): Promise<Outcome> {
    const { gateway, own, strange } = this.stand
    const tap = new Tap()
    tap.hooks = attack.arm({ tap, earlier, own: own.signer, strange: strange.signer })
    const before = await gateway.serverBytes()
    const refusals = gateway.refusals().length
    const thrown = await this.refusedHandshake(tap, gateway.url)
    const there = tap.alert === undefined ? undefined : await this.logged(refusals)
    const here = tap.alert === undefined ? thrown : undefined
    const reached = { whom: 'server', bytes: (await gateway.serverBytes()) - before } as const
    return verdictOn({ tap, here, there, reached, otherwise: t('The session was made all the same.') })
  }

  private async asGateway(attack: GatewayAttack): Promise<Outcome> {
    const { stand } = this
    const key = attack.key === 'strange' ? stand.strange : await stand.gatewayKey()
    const theirs = new Tap()
    const tap = new Tap()
    const impostor = await openImpostor(key, theirs, stand.log)
    try {
      if (attack.key === 'strange') {
        const here = await this.refusedHandshake(tap, impostor.url)
        tap.change = changeOf([encodeUtf8(stand.gateway.kid)], [encodeUtf8(key.signer.kid)])
        const otherwise = t('A session was made with the other gateway.')
        return verdictOn({ tap, here, reached: { whom: 'agent', bytes: 0 }, otherwise })
      }
      return await this.talking(tap, impostor.url, this.journal, async (talk) => {
        await talk.initialize()
        const before = talk.received
        theirs.hooks = { ...(attack.lie !== undefined && { statement: attack.lie }) }
        const otherwise = await this.ended(talk, [talk.call(`${attack.id}: ${WORD}`)])
        tap.change = theirs.change
        const reached = { whom: 'agent', bytes: talk.received - before } as const
        return verdictOn({ tap, here: talk.rejection()?.error, reached, otherwise })
      })
    } finally {
      await impostor.close()
    }
  }

  private async onArchive(attack: ArchiveAttack, { file }: Honest): Promise<Outcome> {
    const forged = rewritten(attack.edit(file.lines))
    return verdictOnFile(await findingsOf(forged, file.trusted), changeOf([file.bytes], [forged]))
  }

  private async talking(
    tap: Tap,
    url: string,
    journal: Journal,
    work: (talk: Talk) => Promise<Outcome>,
  ): Promise<Outcome> {
    const talk = await this.stand.talk(tap, journal, url, this.signal)
    try {
      return await this.patiently(work(talk))
    } finally {
      await talk.close()
    }
  }

  /** Why no session was made; undefined: one was. */
  private async refusedHandshake(tap: Tap, url: string): Promise<CountersignError | undefined> {
    try {
      const talk = await this.stand.talk(tap, this.journal, url, this.signal)
      await talk.close()
      return undefined
    } catch (thrown) {
      this.signal.throwIfAborted()
      return toCountersignError(thrown)
    }
  }

  /** Until the session is over, or every call was answered. Says what happened instead of a refusal, if it was none. */
  private async ended(talk: Talk, calls: readonly Promise<void>[]): Promise<string> {
    let failure = t('There was neither an answer nor a refusal.')
    const answered = Promise.all(calls).then(
      () => t('It was answered as if nothing had happened.'),
      async (thrown: unknown) => {
        failure = t(toCountersignError(thrown).sentence)
        await talk.closed
        return failure
      },
    )
    const over = talk.closed.then(() => failure)
    return await this.patiently(
      Promise.race([answered, over, sleep(PATIENCE, undefined, { ref: false }).then(() => failure)]),
    )
  }

  private async reached(whom: SessionAttack['reaches'], talk: Talk): Promise<number> {
    return whom === 'server' ? await this.stand.gateway.serverBytes() : talk.received
  }

  /** The gateway has hung up: its reason comes by another pipe, and may come later. */
  private async logged(before: number): Promise<Refusal | undefined> {
    const { gateway } = this.stand
    const deadline = Date.now() + LOG_PATIENCE
    while (gateway.refusals().length === before && Date.now() < deadline) await sleep(5)
    return gateway.refusals().length === before ? undefined : gateway.refusals()[0]
  }

  /** Whatever it waits for, until the person wants no more. */
  private async patiently<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    let cancel = (): void => {}
    const cancelled = new Promise<never>((_resolve, reject) => {
      cancel = () => reject(new CountersignError('cancelled', 'The trial was cancelled.'))
      if (signal.aborted) cancel()
      signal.addEventListener('abort', cancel, { once: true })
    })
    try {
      return await Promise.race([work, cancelled])
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}
