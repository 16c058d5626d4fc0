import type { PanelTrialChange } from '../../contracts/panelTrial.ts'
import type { BatchSigner } from '../../keys/batchSigner.ts'
import type { BatchItem } from '../../keys/batching.ts'
import type { Carrier } from '../../session/carrier/carrier.ts'
import { Inbox } from '../../session/carrier/inbox.ts'
import type { Channel } from '../../session/channel/channel.ts'
import { RECORD } from '../../session/channel/record.ts'
import { parseAlertRecord } from '../../session/contexts/messages.ts'
import { ELEMENT, onlyElement } from '../../session/handshake/elements.ts'
import { parseAlert } from '../../session/handshake/messages.ts'
import { changeOf } from './change.ts'

type Frames = readonly Uint8Array[]

/**
 * What an attacker does where they stand. Each function is given what passes and says what goes on instead; what is not
 * given passes as it is. `out` is what leaves the editor, `in` what comes from the gateway.
 */
export interface Hooks {
  /** On the network: sealed frames, and no key. */
  readonly outFrame?: (frame: Uint8Array) => Frames | Promise<Frames>
  readonly inFrame?: (frame: Uint8Array) => Frames
  /** With the session's keys: the content of one record, sealed afterwards as it should be. */
  readonly outRecord?: (type: number, payload: Uint8Array) => Uint8Array | Promise<Uint8Array>
  readonly inRecord?: (type: number, payload: Uint8Array) => Uint8Array
  /** With the signing key as well: a statement before it is signed. */
  readonly statement?: (statement: Uint8Array) => Uint8Array
}

/**
 * Sits in a session of the trial at the three places that an attacker may hold: the carrier, the channel with the session's
 * keys, and the queue in front of the signing key. It keeps the first frame and record of each type that passed unharmed.
 */
export class Tap {
  hooks: Hooks = {}
  readonly frames = { c2s: new Map<number, Uint8Array>(), s2c: new Map<number, Uint8Array>() }
  readonly records = { c2s: new Map<number, Uint8Array>(), s2c: new Map<number, Uint8Array>() }
  /** What the attacker made of what passed; undefined as long as they changed nothing. */
  change: PanelTrialChange | undefined
  /** The gateway's own word for why it ended the connection. */
  alert: number | undefined
  /** So many contexts are signed as one batch; 0: as they come. */
  gather = 0
  private readonly gathered: (() => void)[] = []
  private readonly wrapped = new WeakMap<BatchItem, BatchItem>()
  private readonly watchers: (() => void)[] = []

  /** Resolves when something was changed. */
  async changed(): Promise<void> {
    if (this.change === undefined) await new Promise<void>((resolve) => this.watchers.push(resolve))
  }

  carrier(inner: Carrier): Carrier {
    const inbox = new Inbox()
    let sending: Promise<unknown> = Promise.resolve()
    inner.onFrame((frame) => {
      keepFirst(this.frames.s2c, frame[0], frame)
      if (frame[0] === ELEMENT.alert) this.alert = parseAlert(onlyElement(frame, ELEMENT.alert))
      const arriving = this.hooks.inFrame?.(frame) ?? [frame]
      this.note([frame], arriving)
      for (const each of arriving) inbox.push(each)
    })
    const send = async (frame: Uint8Array): Promise<void> => {
      keepFirst(this.frames.c2s, frame[0], frame)
      const leaving = (await this.hooks.outFrame?.(frame)) ?? [frame]
      this.note([frame], leaving)
      for (const each of leaving) await inner.send(each)
    }
    return {
      address: inner.address,
      loopback: inner.loopback,
      closed: inner.closed,
      onFrame: (handler) => inbox.onFrame(handler),
      // One after the other: an attacker who takes their time must not reorder by accident.
      send: (frame) => {
        const mine = sending.then(() => send(frame))
        sending = mine.catch(() => {})
        return mine
      },
      pause: () => {
        inbox.pause()
        inner.pause()
      },
      resume: () => {
        inner.resume()
        inbox.resume()
      },
      close: async () => {
        await sending
        await inner.close()
      },
    }
  }

  /** The channel goes on as it was; what passes through its two functions is this tap's. */
  channel(channel: Channel): void {
    const seal = channel.send.bind(channel)
    const open = channel.open.bind(channel)
    channel.send = async (type, payload) => {
      keepFirst(this.records.c2s, type, payload)
      const leaving = this.hooks.outRecord?.(type, payload) ?? payload
      // Not awaited where nobody changes anything: records leave in the order of calls.
      if (!(leaving instanceof Promise)) {
        this.note([payload], [leaving])
        return await seal(type, leaving)
      }
      const made = await leaving
      this.note([payload], [made])
      await seal(type, made)
    }
    channel.open = (frame) => {
      const { type, payload } = open(frame)
      keepFirst(this.records.s2c, type, payload)
      if (type === RECORD.Alert) this.alert = parseAlertRecord(payload).code
      const arriving = this.hooks.inRecord?.(type, payload) ?? payload
      this.note([payload], [arriving])
      return { type, payload: arriving }
    }
  }

  batches(inner: BatchSigner): Pick<BatchSigner, 'sign' | 'enqueue' | 'withdraw'> {
    return {
      sign: (input, signal) => inner.sign(input, signal),
      withdraw: (item) => inner.withdraw(this.wrapped.get(item) ?? item),
      enqueue: (item, signal) => {
        const tapped = this.tapped(item)
        this.wrapped.set(item, tapped)
        this.gathered.push(() => inner.enqueue(tapped, signal))
        if (this.gathered.length >= this.gather) for (const enqueue of this.gathered.splice(0)) enqueue()
      },
    }
  }

  private tapped(item: BatchItem): BatchItem {
    return {
      session: item.session,
      server: item.server,
      close: () => {
        const statement = item.close()
        const made = this.hooks.statement?.(statement) ?? statement
        this.note([statement], [made])
        return made
      },
      rollback: () => item.rollback(),
      signed: (batch, index) => item.signed(batch, index),
      failed: (error) => item.failed(error),
    }
  }

  private note(before: Frames, after: Frames): void {
    const change = changeOf(before, after)
    if (change === undefined) return
    this.change = change
    for (const resolve of this.watchers.splice(0)) resolve()
  }
}

function keepFirst(kept: Map<number, Uint8Array>, type: number | undefined, bytes: Uint8Array): void {
  if (type !== undefined && !kept.has(type)) kept.set(type, bytes.slice())
}
